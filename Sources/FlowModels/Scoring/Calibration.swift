/// Quantiles of the log-densities of held-out images, among which another log-density is ranked.
public struct Calibration: Sendable, Codable, Equatable {
    /// Split that the images are from, such as `validation`.
    public var split: String
    /// Number of images.
    public var count: Int
    /// Quantiles of `log p(y)` at 0, 1, … 100 per cent of the images, nats, rising; 101 values.
    public var logProbQuantiles: [Double]

    enum CodingKeys: String, CodingKey {
        case split
        case count
        case logProbQuantiles = "log_prob_quantiles"
    }

    public init(split: String, count: Int, logProbQuantiles: [Double]) {
        self.split = split
        self.count = count
        self.logProbQuantiles = logProbQuantiles
    }

    /// Computes the quantiles at every per cent, linear between the sorted values: at `p` per cent the value of place
    /// `(n − 1) · p/100`, counted from 0.
    ///
    /// Source: Hyndman and Fan, *Sample Quantiles in Statistical Packages* (1996), The American Statistician 50(4),
    /// definition 7, which is NumPy's default too.
    /// - Parameter logProbs: `log p(y)` of draw 0 of each image, nats; finite, at least one.
    public init(split: String, logProbs: [Double]) {
        precondition(!logProbs.isEmpty && logProbs.allSatisfy(\.isFinite))
        let sorted = logProbs.sorted()
        let quantiles = (0...100).map { percent in
            let place = Double(sorted.count - 1) * Double(percent) / 100
            let below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            let value = sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
            return min(value, sorted[above])  // rounding must not make the quantiles fall
        }
        self.init(split: split, count: sorted.count, logProbQuantiles: quantiles)
    }

    /// Returns the log-density, nats, that is above `percent` per cent of the images; `percent` is 0 to 100.
    public func logProb(atPercentile percent: Int) -> Double { logProbQuantiles[percent] }

    /// Returns the percentage of the images whose log-density is lower than `logProb`, 0 to 100, linear between the quantiles: the
    /// inverse of ``logProb(atPercentile:)``, and where several quantiles are equal the least of theirs. Nil for NaN.
    public func percentile(of logProb: Double) -> Double? {
        if logProb.isNaN { return nil }
        let quantiles = logProbQuantiles
        guard let upper = quantiles.firstIndex(where: { $0 >= logProb }) else { return 100 }
        guard upper > 0 else { return 0 }
        let below = quantiles[upper - 1]  // < logProb <= quantiles[upper]
        let position = Double(upper - 1) + (logProb - below) / (quantiles[upper] - below)
        return 100 * position / Double(quantiles.count - 1)
    }
}

extension ImageScore {
    /// Percentage of the held-out images whose log-density is lower, 0 to 100; see ``Calibration/percentile(of:)``. Nil for
    /// a model without calibration, and for a density given a class, since the calibration is that of the mixture.
    public var percentile: Double? {
        guard record.calibrates(classIndex: classIndex) else { return nil }
        return record.calibration?.percentile(of: logProb)
    }
}
