#include "CFlowKernels.h"

extern const struct flow_kernels kernels_baseline;
#ifdef __x86_64__
extern const struct flow_kernels kernels_avx2, kernels_avx512, kernels_avx512bf16;
#endif

const struct flow_kernels *flow_kernels_of(enum flow_instruction_set set) {
#ifdef __x86_64__
    __builtin_cpu_init();
    const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (set == FLOW_AVX512BF16) return avx512 && __builtin_cpu_supports("avx512bf16") ? &kernels_avx512bf16 : NULL;
    if (set == FLOW_AVX512) return avx512 ? &kernels_avx512 : NULL;
    if (set == FLOW_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") ? &kernels_avx2 : NULL;
#endif
    return set == FLOW_BASELINE ? &kernels_baseline : NULL;
}
