extension Int {
    /// The range up to `self`, cut into `parts` ranges of nearly equal length, in order; the longer ones first.
    package func divided(into parts: Int) -> [Range<Int>] {
        let (length, longer) = quotientAndRemainder(dividingBy: parts)
        var start = 0
        return (0..<parts).map { part in
            defer { start += length + (part < longer ? 1 : 0) }
            return start..<start + length + (part < longer ? 1 : 0)
        }
    }

    /// The range up to `self`, cut into blocks of `size`.
    package func blocks(of size: Int) -> Blocks { (0..<self).blocks(of: size) }
}

extension Range<Int> {
    /// The range, cut into blocks of `size`.
    package func blocks(of size: Int) -> Blocks { Blocks(range: self, size: size) }
}

/// Blocks of a range: consecutive ranges of one length, of which the last may be shorter. A range of nothing has none.
package struct Blocks: RandomAccessCollection, Sendable {
    let range: Range<Int>
    let size: Int

    init(range: Range<Int>, size: Int) {
        precondition(size > 0)
        self.range = range
        self.size = size
    }

    package var count: Int { (range.count + size - 1) / size }
    package var startIndex: Int { 0 }
    package var endIndex: Int { count }

    package subscript(block: Int) -> Range<Int> {
        let first = range.lowerBound + block * size
        return first..<Swift.min(first + size, range.upperBound)
    }
}
