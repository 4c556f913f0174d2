#include "CFlowKernels.h"

#ifdef __x86_64__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
#define NAME(x) x##_avx512
#define LANES 16
#define TILE_COUNT 12
#define FUSED 1
#define DOT_BF16 0
#include "kernels.inc.h"
#pragma clang attribute pop
#endif
