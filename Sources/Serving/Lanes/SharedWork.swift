import Dispatch
import FlowModels
import Synchronization

/// Parts of a batch that several threads take, one after the other, until there are none left.
final class SharedWork: Sendable {
    private let parts: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic(0)
    private let unfinished: Atomic<Int>
    private let isDone = DispatchSemaphore(value: 0)

    init(parts: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.parts = parts
        self.body = body
        unfinished = Atomic(parts)
    }

    /// Whether there are parts that no thread has taken.
    var hasMore: Bool { next.load(ordering: .relaxed) < parts }

    func help() {
        while true {
            let part = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard part < parts else { return }
            body(part)
            if unfinished.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { isDone.signal() }
        }
    }

    /// Returns when every part has run; for one thread, once.
    func wait() { isDone.wait() }
}

extension Lane: IdleThreads {
    package var available: Int { state.withLock { max(1, workers - $0.batcher.runningBatches + 1) } }

    package func run(parts: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let work = SharedWork(parts: parts, body)
        state.withLock { $0.shared.append(work) }
        for _ in 1..<parts { signal.signal() }
        work.help()
        state.withLock { state in state.shared.removeAll { $0 === work } }
        work.wait()
    }
}
