import FlowKernels
import System

/// Checks of what a process may have in threads and memory, made before it is used: what Swift cannot have ends the process.
enum Resources {
    /// Bytes of address space that the program itself needs for its first threads and their stacks.
    private static let leastAddressSpace = 128 << 20
    /// Threads of Dispatch and the log, beside those that the options ask for.
    private static let ownThreads = 16

    /// Refuses to begin with less address space than the first threads need, without which Dispatch waits for ever; where
    /// there is a limit, all threads share what is left for allocations. To be called before there are any.
    static func checkStart() -> String? {
        guard let limit = MemoryRoom.addressSpaceLimit else { return nil }
        guard MemoryRoom.hasAddressSpace(leastAddressSpace) else {
            return "this process may have \(limit >> 10) KiB of address space (ulimit -v, LimitAS=), and needs "
                + "\(leastAddressSpace >> 10) KiB more than it has at its start"
        }
        shareArena()
        return nil
    }

    /// Refuses more threads than there can be.
    /// - Parameters:
    ///   - threads: those of each lane and of the helpers.
    ///   - queues: I/O queues.
    /// - Throws: ``ServiceFailure``.
    static func check(threads: Int, queues: Int) throws {
        let count = 3 * threads + queues + ownThreads
        do throws(SystemError) {
            try Threads.check(count)
        } catch {
            throw ExitStatus.system.failure(
                "--threads \(threads) needs \(count) threads, and they cannot be had: \(error); raise the limits of tasks "
                    + "(ulimit -u, TasksMax=) and of address space (ulimit -v, LimitAS=), or lower --threads")
        }
    }
}
