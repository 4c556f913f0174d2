#include "CFlowKernels.h"

#ifdef __x86_64__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define NAME(x) x##_avx2
#define LANES 8
#define TILE_COUNT 6
#define FUSED 1
#define DOT_BF16 0
#include "kernels.inc.h"
#pragma clang attribute pop
#endif
