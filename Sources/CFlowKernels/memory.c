#include "CFlowKernels.h"

#include <malloc.h>

int flow_keep_freed_memory(void) {
#ifdef __GLIBC__
    // 32 MiB is the most that glibc takes for the first.
    return mallopt(M_MMAP_THRESHOLD, 32 << 20) == 1 && mallopt(M_TRIM_THRESHOLD, 1 << 30) == 1;
#else
    return 1;
#endif
}
