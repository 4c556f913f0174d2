import Synchronization

/// Number that only rises, such as requests answered; counted from any thread without a lock.
public final class Counter: Sendable {
    private let count = Atomic(0)

    /// A counter at zero.
    public init() {}

    /// The number so far.
    public var value: Int { count.load(ordering: .relaxed) }

    /// Adds `amount`, 0 or more.
    public func add(_ amount: Int = 1) {
        precondition(amount >= 0, "a counter does not fall")
        count.add(amount, ordering: .relaxed)
    }
}
