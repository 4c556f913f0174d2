/// Rank of an image among calibration images by how odd they are: `count` of `total` are at least as odd, itself among them.
///
///     p = (1 + #{i : sᵢ ≥ s}) / (n + 1)
///
/// For an image that is exchangeable with the `n` calibration images `P(p ≤ α) ≤ α`, whatever the scores are; ties count
/// as odd.
///
/// Source: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (2005), §2.2; as split conformal prediction,
/// Angelopoulos and Bates, *A Gentle Introduction to Conformal Prediction* (2023), §1, arXiv:2107.07511.
public struct ConformalRank: Sendable, Equatable {
    /// Images that are at least as odd, the image itself among them; 1 or more.
    public let count: Int
    /// Calibration images and the image itself.
    public let total: Int
    /// Calibration images that are exactly as odd, all of which ``count`` counts.
    public let tied: Int

    /// Ranks `score` among `sorted`, which rises; higher is odder, and infinite is oddest.
    /// - Precondition: `score` is a number.
    init(of score: Double, among sorted: [Double]) {
        precondition(!score.isNaN)
        let below = sorted.count(below: score)
        self.init(
            count: 1 + sorted.count - below, total: 1 + sorted.count, tied: sorted.count(through: score) - below)
    }

    /// Ranks `value` among `sorted`, which rises; lower is odder.
    /// - Precondition: `value` is a number.
    init(ofLow value: Double, among sorted: [Double]) {
        precondition(!value.isNaN)
        let through = sorted.count(through: value)
        self.init(count: 1 + through, total: 1 + sorted.count, tied: through - sorted.count(below: value))
    }

    /// A rank by another test, `1 ... total`.
    init(count: Int, total: Int, tied: Int = 0) {
        precondition((1...total).contains(count) && (0..<count).contains(tied))
        (self.count, self.total, self.tied) = (count, total, tied)
    }

    /// The p-value, in (0, 1].
    public var pValue: Double { Double(count) / Double(total) }

    /// Rank on whichever side is odder, twice as often, as two tests of one image need.
    static func twoSided(_ value: Double, among sorted: [Double]) -> ConformalRank {
        let (high, low) = (ConformalRank(of: value, among: sorted), ConformalRank(ofLow: value, among: sorted))
        return ConformalRank(count: min(2 * min(high.count, low.count), high.total), total: high.total)
    }
}
