/// Counts among numbers that rise, in logarithmic time.
extension [Double] {
    /// Number of these rising numbers that are less than `value`.
    package func count(below value: Double) -> Int { count(whileBefore: { $0 < value }) }

    /// Number of these rising numbers that are at most `value`.
    package func count(through value: Double) -> Int { count(whileBefore: { $0 <= value }) }

    /// Number of first elements for which `isBefore` holds, which holds for none behind one for which it does not.
    private func count(whileBefore isBefore: (Double) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
