import Dispatch
import Synchronization

/// Images between the thread that reads them and the one that scores them: so many that no thread waits for long, and never more.
final class ScoreQueue: Sendable {
    private struct State {
        var items: [ScoreItem] = []
        var bytes = 0
        var hasEnded = false
        var isCancelled = false
    }

    private let state = Mutex(State())
    /// Raised for each item, and for the end.
    private let arrived = DispatchSemaphore(value: 0)
    /// Raised when items were taken.
    private let taken = DispatchSemaphore(value: 0)

    /// Most items that wait.
    let mostItems: Int
    /// Most bytes of those that wait; a larger item waits alone.
    let mostBytes: Int

    init(mostItems: Int, mostBytes: Int = 64 << 20) {
        precondition(mostItems > 0)
        self.mostItems = mostItems
        self.mostBytes = mostBytes
    }

    /// Appends an item, when there is room; returns false where nobody wants any more.
    func put(_ item: ScoreItem) -> Bool {
        while true {
            let isIn: Bool? = state.withLock { state in
                if state.isCancelled { return false }
                guard
                    state.items.isEmpty
                        || state.items.count < mostItems && state.bytes + item.bytes <= mostBytes
                else { return nil }
                state.items.append(item)
                state.bytes += item.bytes
                return true
            }
            if let isIn {
                arrived.signal()
                return isIn
            }
            taken.wait()
        }
    }

    /// Says that no more come.
    func end() {
        state.withLock { $0.hasEnded = true }
        arrived.signal()
    }

    /// Says that nobody wants any more: both sides stop.
    func cancel() {
        state.withLock { $0.isCancelled = true }
        arrived.signal()
        taken.signal()
    }

    /// Returns the first items, at most `most`, as soon as there is one; none at the end and after ``cancel()``.
    func take(_ most: Int) -> [ScoreItem] {
        while true {
            let items: [ScoreItem]? = state.withLock { state in
                if state.isCancelled { return [] }
                if state.items.isEmpty { return state.hasEnded ? [] : nil }
                let items = Array(state.items.prefix(most))
                state.items.removeFirst(items.count)
                state.bytes -= items.reduce(0) { $0 + $1.bytes }
                return items
            }
            if let items {
                taken.signal()
                return items
            }
            arrived.wait()
        }
    }
}
