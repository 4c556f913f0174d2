#ifndef CFLOWKERNELS_H
#define CFLOWKERNELS_H

#include <stddef.h>

/// Inner loops that need run-time CPU dispatch. Every function stands in a table, once for each instruction set; each
/// has a plain Swift twin in FlowKernels/Reference and a test against it. Callers have proved every index.

/// Instruction sets, each a superset of the one before.
enum flow_instruction_set {
    /// What every CPU of the architecture has: SSE2 on x86-64, NEON on arm64.
    FLOW_BASELINE = 0,
    /// AVX2 and FMA.
    FLOW_AVX2 = 1,
    /// AVX-512 F, BW, DQ, VL.
    FLOW_AVX512 = 2,
};

/// `C[j · c_stride + l] = start + Σ_t A[t · a_stride + l] · B[t · b_step + j · b_stride]`
/// for `l` in `0..<lanes`, `j` in `0..<count`, `t` in `0..<depth`.
///
/// `start` is C itself with `accumulate`, else 0, plus `bias[l]` unless `bias` is NULL. Every element is one chain of multiply-adds over rising
/// `t`: its bits depend neither on `lanes` nor on `count`, nor on where in them it stands.
struct flow_product {
    const float *a;
    ptrdiff_t a_stride;
    const float *b;
    ptrdiff_t b_step;
    ptrdiff_t b_stride;
    float *c;
    ptrdiff_t c_stride;
    ptrdiff_t lanes;
    ptrdiff_t count;
    ptrdiff_t depth;
    const float *bias;
    int accumulate;
};

struct flow_kernels {
    void (*product)(const struct flow_product *p);
};

/// The kernels of one instruction set, or NULL where this CPU or this architecture has it not.
const struct flow_kernels *flow_kernels_of(enum flow_instruction_set set);

#endif
