import CFlowKernels

/// Makes the C library keep freed memory for the next allocations of the process, up to 1 GiB.
///
/// A training step allocates and frees the same arrays of activations over and over. Given back to the system each time,
/// every page of them is a fault and a page of zeros: a sixth of a step's time at 784 dimensions and 1024 hidden units.
package func keepFreedMemory() {
    let isDone = flow_keep_freed_memory() != 0
    precondition(isDone, "constants that the C library takes")
}

/// Makes all threads allocate from one arena of the C library, before there are any: each further one reserves 64 MiB of
/// address space, which a process with a limit of it (RLIMIT_AS) has better use for.
package func shareArena() {
    let isDone = flow_share_arena() != 0
    precondition(isDone, "a constant that the C library takes")
}

/// Makes the C library give large pieces, of 1 MiB and more, back to the system as soon as they are freed: those of a service
/// are bodies and pictures, whose size the next request need not have.
package func returnLargeMemory() {
    let isDone = flow_return_large_memory() != 0
    precondition(isDone, "constants that the C library takes")
}

/// Gives the pages of freed memory back to the system: malloc_trim(3). Threads that allocate meanwhile wait for as long as
/// their arena is looked through.
package func releaseFreedMemory() {
    _ = flow_release_freed_memory()
}
