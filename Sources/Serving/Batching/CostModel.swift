/// Time of a worker that a batch of one group takes, learned online: `perRow · rows + perBatch`.
///
/// Weighted least squares over the batches that ran, each newer one counting more: the sums of a regression line, forgotten
/// geometrically. While all batches had as many rows as each other, nothing tells the two parts apart, and the last split stays.
package struct CostModel: Sendable, Equatable {
    /// Seconds of a row; nil before anything was measured.
    package private(set) var perRow: Double?
    /// Seconds of a batch whatever its rows.
    package private(set) var perBatch = 0.0

    /// Whether batches of different rows were seen, so that the two parts are told apart.
    package private(set) var isSplit = false

    /// Weight of a batch for each that came after it: about twenty count.
    private static let memory = 0.95
    /// Least relative variance of the batches' rows from which a line is fitted.
    private static let leastSpread = 0.01
    /// Least fraction of a batch's time that is put down to its rows.
    private static let leastRowFraction = 0.05
    /// Factor of what was expected up to which a batch is believed, once some have run: one that the system held up is no measure.
    private static let mostSurprise = 4.0
    /// Weight of the batches from which on a surprise is not believed.
    private static let settledWeight = 3.0

    private var weight = 0.0
    private var rows = 0.0
    private var seconds = 0.0
    private var squaredRows = 0.0
    private var products = 0.0

    package init() {}

    /// Learns from a batch.
    /// - Parameter seconds: time of workers that it took, those that helped included.
    package mutating func observe(rows count: Int, seconds took: Double) {
        let expected = weight >= Self.settledWeight ? self.seconds(rows: count) : nil
        let took = expected.map { min(took, Self.mostSurprise * $0) } ?? took
        let count = Double(count)
        weight = weight * Self.memory + 1
        rows = rows * Self.memory + count
        seconds = seconds * Self.memory + took
        squaredRows = squaredRows * Self.memory + count * count
        products = products * Self.memory + count * took
        let (meanRows, meanSeconds) = (rows / weight, seconds / weight)
        let variance = squaredRows / weight - meanRows * meanRows
        if variance > Self.leastSpread * meanRows * meanRows {
            let slope = (products / weight - meanRows * meanSeconds) / variance
            let average = meanSeconds / meanRows
            perRow = min(max(slope, Self.leastRowFraction * average), average)
            perBatch = max(0, meanSeconds - perRow! * meanRows)
            isSplit = true
        } else if let before = perRow, before * meanRows + perBatch > 0 {
            let scale = meanSeconds / (before * meanRows + perBatch)
            perRow = before * scale
            perBatch *= scale
        } else {
            perRow = meanSeconds / meanRows
        }
    }

    /// Seconds of a worker for a batch; nil before anything was measured.
    package func seconds(rows: Int) -> Double? { perRow.map { $0 * Double(rows) + perBatch } }

    /// Rows of the largest batch that takes no more than `seconds`, 0 or more; nil before anything was measured.
    package func rows(within seconds: Double) -> Int? {
        perRow.map { perRow in
            perRow > 0 ? Int(min(max(0, (seconds - perBatch) / perRow), Double(1 << 30))) : 1 << 30
        }
    }
}
