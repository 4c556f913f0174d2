/// Bounds of the memory that request bodies take, in bytes. A body takes twice its length, the room that its array may have.
public struct BodyMemoryLimits: Sendable, Equatable {
    /// Most bytes of all bodies together.
    public var total = 256 << 20
    /// Part of ``total`` that only small bodies may take.
    public var reserve = 32 << 20
    /// Bytes up to which a body is small.
    public var smallBytes = 128 << 10
    /// Most bytes of one client's bodies that are not small, as a multiple of what no body has taken of the memory that
    /// is not reserved: 4 lets a lone client take four fifths of that.
    public var clientFactor = 4

    /// The defaults.
    public init() {}

    /// Most bytes of a client's bodies while those of others take `others`.
    package func largest(besides others: Int) -> Int {
        // mine ≤ factor · (total − reserve − others − mine), solved for mine.
        let left = max(0, total - reserve - others)
        return Int(Double(left) * (Double(clientFactor) / Double(clientFactor + 1)))
    }

    /// Whether a body that takes `bytes` finds room when there is no other.
    public func canHold(_ bytes: Int) -> Bool {
        bytes <= (bytes <= smallBytes ? total : largest(besides: 0))
    }
}
