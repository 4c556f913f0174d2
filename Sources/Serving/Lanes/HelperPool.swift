import Dispatch
import Synchronization
import System

/// Pool of a few threads for work that is too heavy for the cooperative pool, such as coding a large answer.
///
/// Jobs wait in the order in which they came. There are never more than callers that await one.
public final class HelperPool: Sendable {
    private final class Core: Sendable {
        let jobs = Mutex(FIFO<@Sendable () -> Void>())
        let signal = DispatchSemaphore(value: 0)

        func work() {
            while true {
                signal.wait()
                let job = jobs.withLock { $0.popFirst() }
                guard let job else { return }  // a signal without a job ends the thread
                job()
            }
        }
    }

    private let core = Core()
    private let threads: Int

    /// Starts `threads` threads; they end with the pool.
    /// - Parameter niceness: added to the threads' nice value.
    public init(threads: Int = ServiceConfiguration().threads, niceness: Int32 = 0) {
        precondition(threads > 0)
        self.threads = threads
        for _ in 0..<threads {
            let core = core
            Threads.start(niceness: niceness) { core.work() }
        }
    }

    deinit {
        for _ in 0..<threads { core.signal.signal() }
    }

    /// The result of `body`, run on one of the threads.
    /// - Throws: what `body` throws.
    public func run<Output: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () throws(Failure) -> Output
    ) async throws(Failure) -> Output {
        let result: Result<Output, Failure> = await withCheckedContinuation { continuation in
            core.jobs.withLock { $0.append { continuation.resume(returning: Result(catching: body)) } }
            core.signal.signal()
        }
        return try result.get()
    }
}
