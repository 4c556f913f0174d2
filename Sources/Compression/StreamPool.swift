import Synchronization

/// zlib states that rest between two streams: setting one up asks the allocator for its windows and tables, resetting
/// one asks for nothing.
///
/// A state is taken when a stream begins and comes back when the stream's owner ends, on whatever path. More may be in
/// use than `capacity`; that many are kept.
package final class StreamPool<State: AnyObject & Sendable>: Sendable {
    private struct Shelf {
        var resting: [State] = []
        var made = 0
    }

    private let shelf = Mutex(Shelf())
    private let capacity: Int
    private let make: @Sendable () -> State

    /// - Parameter capacity: States that are kept while nobody uses them, at most.
    package init(capacity: Int, make: @escaping @Sendable () -> State) {
        precondition(capacity >= 0)
        self.capacity = capacity
        self.make = make
    }

    /// Number of states that were ever set up.
    package var made: Int { shelf.withLock { $0.made } }

    /// Number of states that are kept now.
    package var resting: Int { shelf.withLock { $0.resting.count } }

    func take() -> State {
        let rested: State? = shelf.withLock { shelf in
            if let state = shelf.resting.popLast() { return state }
            shelf.made += 1
            return nil
        }
        return rested ?? make()
    }

    func giveBack(_ state: State) {
        shelf.withLock { if $0.resting.count < capacity { $0.resting.append(state) } }
    }
}
