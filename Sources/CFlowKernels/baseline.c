#include "CFlowKernels.h"

#define NAME(x) x##_baseline
#define LANES 4
#define TILE_COUNT 6
#ifdef __ARM_FEATURE_FMA
#define FUSED 1
#else
#define FUSED 0
#endif
#define DOT_BF16 0
#include "kernels.inc.h"
