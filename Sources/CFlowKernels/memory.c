#include "CFlowKernels.h"

#include <malloc.h>

int flow_keep_freed_memory(void) {
#ifdef __GLIBC__
    // 32 MiB is the most that glibc takes for the first. One arena: those of further threads give their memory back in pieces of
    // 64 MiB, and the pages of large arrays are then made anew at every step, an eighth of a Glow's training.
    return mallopt(M_MMAP_THRESHOLD, 32 << 20) == 1 && mallopt(M_TRIM_THRESHOLD, 1 << 30) == 1 &&
           mallopt(M_ARENA_MAX, 1) == 1;
#else
    return 1;
#endif
}

int flow_share_arena(void) {
#ifdef __GLIBC__
    return mallopt(M_ARENA_MAX, 1) == 1;
#else
    return 1;
#endif
}

int flow_return_large_memory(void) {
#ifdef __GLIBC__
    // Left to itself glibc raises the first to the largest piece that was freed, up to 32 MiB, and the second to twice that, which
    // malloc_trim leaves at the end of every arena but the first.
    return mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1 && mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1;
#else
    return 1;
#endif
}

int flow_release_freed_memory(void) {
#ifdef __GLIBC__
    return malloc_trim(0);
#else
    return 0;
#endif
}
