/// Levels of a model as gray values of pictures: spread evenly over 0 ... 255, so that the lowest is black and the highest white.
///
/// `value(l) = round(255 l / (levels - 1))`, halves up; of 256 levels each is its own value.
public struct SpreadLevels: Sendable {
    private let values: [UInt8]

    /// - Precondition: 2 to 256 levels.
    public init(_ levels: Int) {
        precondition((2...256).contains(levels))
        let top = levels - 1
        values = (0..<levels).map { UInt8(($0 * 255 + top / 2) / top) }
    }

    /// Gray values of `levels`, each of which is one of the levels.
    public func spread(_ levels: [UInt8]) -> [UInt8] { levels.map { values[Int($0)] } }

    /// Levels to which any gray values are reduced, as many to each: `⌊v · levels / 256⌋`, as `tusk prepare --levels` does.
    public func reduced(_ values: [UInt8]) -> [UInt8] { values.map { UInt8(Int($0) * self.values.count / 256) } }

    /// Levels whose gray values are the nearest to `values`.
    public func nearest(to values: [UInt8]) -> [UInt8] {
        let top = self.values.count - 1
        // no value is as near to two: 2 · top · v is even, and odd multiples of 255 are odd
        return values.map { UInt8((2 * top * Int($0) + 255) / 510) }
    }

    /// Levels of gray values; nil at the place of a value that no level has.
    public func levels(of values: [UInt8]) -> [UInt8?] {
        var table = [UInt8?](repeating: nil, count: 256)
        for (level, value) in self.values.enumerated() { table[Int(value)] = UInt8(level) }
        return values.map { table[Int($0)] }
    }

    /// All gray values that levels have, in their order.
    public var all: [UInt8] { values }
}
