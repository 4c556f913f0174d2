extension Int {
    /// `self` cut into `parts` ranges of nearly equal length, in order; the longer ones first.
    package func divided(into parts: Int) -> [Range<Int>] {
        let (length, longer) = quotientAndRemainder(dividingBy: parts)
        var start = 0
        return (0..<parts).map { part in
            defer { start += length + (part < longer ? 1 : 0) }
            return start..<start + length + (part < longer ? 1 : 0)
        }
    }
}
