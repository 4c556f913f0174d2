import FlowCore

/// Some rows of one parameter array: what one thread works on at a time.
struct ParameterBlock: Sendable, Equatable {
    /// Index of the array in visiting order.
    let parameter: Int
    /// Rows of the array.
    let rows: Range<Int>
    /// Number of elements of a row.
    let columns: Int
    /// Range of the block's elements among those of the array that no mask holds at zero.
    let live: Range<Int>
    /// Number of elements, the first ones, of each row in ``rows`` that no mask holds at zero; nil for all.
    private let reach: [Int]?

    /// Number of live elements from which on a block ends: their weights, gradients and moments fit in a second-level cache.
    static let size = 1 << 15
    /// Divisor of a block's number of rows, which suits the product that computes their gradient.
    private static let rowMultiple = 48

    /// Returns blocks that cover every array.
    static func covering(_ infos: [ParameterInfo]) -> [ParameterBlock] {
        infos.enumerated().flatMap { p, info -> [ParameterBlock] in
            let columns = info.shape.dropFirst().reduce(1, *)
            var blocks: [ParameterBlock] = []
            var (first, firstLive) = (0, 0)
            while first < info.shape[0] {
                var end = first
                var live = 0
                while end < info.shape[0], live < size || (end - first) % rowMultiple > 0 {
                    live += info.reach?[end] ?? columns
                    end += 1
                }
                let reach = info.reach.map { Array($0[first..<end]) }
                blocks.append(
                    ParameterBlock(
                        parameter: p, rows: first..<end, columns: columns, live: firstLive..<firstLive + live,
                        reach: reach))
                first = end
                firstLive += live
            }
            return blocks
        }
    }

    /// Range of the block's elements in the array.
    var elements: Range<Int> { rows.lowerBound * columns..<rows.upperBound * columns }

    /// Calls `body` with each run of elements that no mask holds at zero, counted from the block's first element, and with the
    /// number of such elements of the block before it.
    func forEachLiveRun(_ body: (_ run: Range<Int>, _ before: Int) -> Void) {
        guard let reach else { return body(0..<rows.count * columns, 0) }
        var before = 0
        for (row, count) in reach.enumerated() {
            body(row * columns..<row * columns + count, before)
            before += count
        }
    }
}
