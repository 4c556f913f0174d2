/// Live elements are those that no mask holds at zero: of a masked matrix the first `reach[u]` of each row `u`. Files hold
/// these alone, rows one after another.
extension ParameterInfo {
    /// Number of live elements.
    public var liveCount: Int { reach?.reduce(0, +) ?? shape.reduce(1, *) }

    /// Shape of the live elements: one dimension of a masked matrix, else the array's own.
    package var liveShape: [Int] { reach == nil ? shape : [liveCount] }

    /// Picks the live elements of a whole array.
    package func live(of values: [Float]) -> [Float] {
        guard let reach else { return values }
        let columns = values.count / reach.count
        var live: [Float] = []
        live.reserveCapacity(liveCount)
        for (row, count) in reach.enumerated() { live += values[row * columns..<row * columns + count] }
        return live
    }

    /// Rebuilds the whole array from its live elements, zero elsewhere.
    /// - Precondition: there are ``liveCount`` of them.
    package func whole(of live: [Float]) -> [Float] {
        guard let reach else { return live }
        precondition(live.count == liveCount)
        let columns = shape.dropFirst().reduce(1, *)
        var values = [Float](repeating: 0, count: reach.count * columns)
        var first = 0
        for (row, count) in reach.enumerated() {
            values.replaceSubrange(row * columns..<row * columns + count, with: live[first..<first + count])
            first += count
        }
        return values
    }
}
