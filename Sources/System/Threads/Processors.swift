import FoundationEssentials

/// Processors of the machine.
public enum Processors {
    /// Number of processors that this process may run on, at least 1: those of its affinity mask (sched_getaffinity(2)), as
    /// `nproc` counts them.
    public static var count: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}
