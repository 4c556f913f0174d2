import Synchronization

/// Number that rises and falls, such as open connections; changed from any thread without a lock.
public final class Gauge: Sendable {
    private let current = Atomic(0)

    /// A gauge at zero.
    public init() {}

    /// The number now.
    public var value: Int { current.load(ordering: .relaxed) }

    /// Raises the number by `amount`.
    public func add(_ amount: Int = 1) { current.add(amount, ordering: .relaxed) }
    /// Lowers the number by `amount`.
    public func subtract(_ amount: Int = 1) { current.subtract(amount, ordering: .relaxed) }
}
