import Dispatch

/// Executor of the tasks that begin and end the service, on a queue of its own.
///
/// Swift's pool has a thread a processor, and all of them may compute for a long time: what says when the service ends must
/// not wait for one.
final class ServiceExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "tusk.service")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Returns after `duration`.
    func pause(for duration: Duration) async {
        await withCheckedContinuation { continuation in
            queue.asyncAfter(deadline: .now() + duration / .seconds(1)) { continuation.resume() }
        }
    }

    /// Returns when `work` is done. For threads of their own, since it holds up the calling one.
    func wait(for work: @escaping @Sendable () async -> Void) {
        let isDone = DispatchSemaphore(value: 0)
        Task(executorPreference: self) {
            await work()
            isDone.signal()
        }
        isDone.wait()
    }

    /// Returns when `work` is done, or after `limit`; what is not done then goes on, and nobody waits for it.
    /// - Returns: whether it is done.
    func wait(atMost limit: Duration, for work: @escaping @Sendable () async -> Void) async -> Bool {
        let (outcomes, outcome) = AsyncStream<Bool>.makeStream()
        Task(executorPreference: self) {
            await work()
            outcome.yield(true)
        }
        queue.asyncAfter(deadline: .now() + limit / .seconds(1)) { outcome.yield(false) }
        for await isDone in outcomes { return isDone }
        return false
    }
}
