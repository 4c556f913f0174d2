/// What an image is called, by its rank and a rate of false alarms.
public enum Verdict: String, Sendable, CaseIterable {
    /// As odd as many images like the learned ones.
    case typical
    /// Odder than all but ``unusualFactor`` times the rate of them.
    case unusual
    /// Odder than all but the rate of them.
    case outlier

    /// Times of the rate at which images are called unusual.
    public static let unusualFactor = 5

    /// The verdict at a rate; nil where there are too few calibration images for that rate.
    package init?(_ rank: ConformalRank, at rate: AlarmRate) {
        guard rate.isReached(by: 1, of: rank.total) else { return nil }
        if rate.isReached(by: rank.count, of: rank.total) {
            self = .outlier
        } else if rate.isReached(by: rank.count, of: rank.total, times: Self.unusualFactor) {
            self = .unusual
        } else {
            self = .typical
        }
    }
}
