package import Dispatch

/// Executor of an actor on a serial Dispatch queue, so that event handlers of the queue may enter the actor without a hop.
package final class QueueExecutor: SerialExecutor {
    /// Queue on which the actor runs.
    package let queue: DispatchQueue

    /// An executor with a queue of its own, called `label`.
    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    package func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}
