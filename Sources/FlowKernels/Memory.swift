import CFlowKernels

/// Makes the C library keep freed memory for the next allocations of the process, up to 1 GiB.
///
/// A training step allocates and frees the same arrays of activations over and over. Given back to the system each time,
/// every page of them is a fault and a page of zeros: a sixth of a step's time at 784 dimensions and 1024 hidden units.
package func keepFreedMemory() {
    let isDone = flow_keep_freed_memory() != 0
    precondition(isDone, "constants that the C library takes")
}
