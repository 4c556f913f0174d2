import Glibc

/// Density over the evidence of images like the learned ones: how odd a combination of values is.
///
/// Each value is put on a scale of its own, `g = asinh((v − median)/spread)`, which keeps the order of far values and tames them;
/// the `g` of fitting images have a mean and a covariance, and an image's score is its squared Mahalanobis distance
/// `(g − m)ᵀ Σ⁻¹ (g − m)`, that is twice its negative log-density under a normal density, but for a constant.
///
/// That looks into all directions alike. Of some evidence one is known beforehand: what is unlike the learned images surprises the model.
/// So what exceeds the mean of such evidence counts again, with a weight that gives it half of the spread of the first part:
///
///     w Σ max(0, (g − m)/σ)²
///
/// Source: Morningstar et al., *Density of States Estimation for Out-of-Distribution Detection* (2021), arXiv:2006.09273, with
/// this density in place of theirs.
public struct DensityOfStates: Sendable, Codable, Equatable {
    /// Medians of the evidence.
    public private(set) var medians: [Double]
    /// Spreads of the evidence: half the distance of the 16th to the 84th percentile, above 0.
    public private(set) var spreads: [Double]
    /// Means of the scaled evidence.
    public private(set) var means: [Double]
    /// Inverse of the covariance of the scaled evidence, row by row.
    public private(set) var precision: [Double]
    /// What exceeds the mean of some evidence; nil of records that older programs made, whose scores are without.
    public private(set) var excess: Excess?

    /// One-sided part of the score.
    public struct Excess: Sendable, Codable, Equatable {
        /// Indices of the evidence that counts.
        var kinds: [Int]
        /// Standard deviations `σ` of its scaled values.
        var deviations: [Double]
        /// Weight `w` of the sum.
        var weight: Double
    }

    /// Spread of the one-sided part over the fitted images, of that of the other part.
    private static let excessSpread = 0.5

    /// Least spread, of the median's size: evidence that all images share says only whether an image does.
    private static let leastSpread = 1e-6
    /// Variance that is added to each scaled value's own.
    private static let ridge = 1e-3

    /// Fits the density to the evidence of images.
    /// - Parameters:
    ///   - values: `[n][k]`, finite; at least two images.
    ///   - surprises: indices of the evidence of which only high values are odd.
    init(fitting values: [[Double]], surprises: [Int] = []) {
        precondition(values.count >= 2)
        let (n, k) = (values.count, values[0].count)
        medians = []
        spreads = []
        for e in 0..<k {
            let sorted = values.map { $0[e] }.sorted()
            func quantile(_ fraction: Double) -> Double { sorted[Int(fraction * Double(n - 1) + 0.5)] }
            medians.append(quantile(0.5))
            let spread = (quantile(0.84) - quantile(0.16)) / 2
            spreads.append(max(spread, Self.leastSpread * max(1, abs(quantile(0.5)))))
        }
        means = Array(repeating: 0, count: k)
        precision = []
        let all = values.map { scaled($0) }
        for e in 0..<k { means[e] = all.reduce(0) { $0 + $1[e] } / Double(n) }
        var covariance = [[Double]](repeating: Array(repeating: 0, count: k), count: k)
        for g in all {
            for a in 0..<k {
                for b in 0..<k { covariance[a][b] += (g[a] - means[a]) * (g[b] - means[b]) / Double(n - 1) }
            }
        }
        // Shrunk towards independence, the more the fewer images there are.
        let shrinkage = Double(k) / Double(n + k)
        for a in 0..<k {
            for b in 0..<k where a != b { covariance[a][b] *= 1 - shrinkage }
            covariance[a][a] += Self.ridge
        }
        precision = Self.inverse(of: covariance)
        guard !surprises.isEmpty else { return }
        let deviations = surprises.map { (covariance[$0][$0]).squareRoot() }
        excess = Excess(kinds: surprises, deviations: deviations, weight: 1)
        let both = all.map { g in zip(g, means).map { $0 - $1 } }
        let (distances, excesses) = (both.map(distance), both.map(excessSum))
        let spread = Self.deviation(of: excesses)
        excess?.weight = spread > 0 ? Self.excessSpread * Self.deviation(of: distances) / spread : 0
    }

    private static func deviation(of values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }

    /// Returns how odd evidence is, 0 or more; infinite where a value is.
    func score(of values: [Double]) -> Double {
        guard values.allSatisfy(\.isFinite) else { return .infinity }
        let g = zip(scaled(values), means).map { $0 - $1 }
        return distance(g) + (excess?.weight ?? 0) * excessSum(g)
    }

    /// `Σ max(0, g/σ)²` over the evidence of which only high values are odd; `g` is without its mean.
    private func excessSum(_ g: [Double]) -> Double {
        guard let excess else { return 0 }
        return zip(excess.kinds, excess.deviations).reduce(0) { sum, kind in
            let beyond = max(0, g[kind.0] / kind.1)
            return sum + beyond * beyond
        }
    }

    /// `gᵀ Σ⁻¹ g` of scaled evidence without its mean.
    private func distance(_ g: [Double]) -> Double {
        let k = g.count
        var sum = 0.0
        for a in 0..<k {
            for b in 0..<k { sum += g[a] * precision[a * k + b] * g[b] }
        }
        return max(0, sum)
    }

    private func scaled(_ values: [Double]) -> [Double] {
        values.indices.map { asinh((values[$0] - medians[$0]) / spreads[$0]) }
    }

    /// Inverse of a positive definite matrix, by its Cholesky factor.
    private static func inverse(of matrix: [[Double]]) -> [Double] {
        let k = matrix.count
        var factor = [[Double]](repeating: Array(repeating: 0, count: k), count: k)
        for i in 0..<k {
            for j in 0...i {
                var sum = matrix[i][j]
                for l in 0..<j { sum -= factor[i][l] * factor[j][l] }
                factor[i][j] = i == j ? max(sum, 1e-12).squareRoot() : sum / factor[j][j]
            }
        }
        var inverse = [Double](repeating: 0, count: k * k)
        for column in 0..<k {
            var y = [Double](repeating: 0, count: k)
            for i in 0..<k {
                var sum = i == column ? 1.0 : 0
                for l in 0..<i { sum -= factor[i][l] * y[l] }
                y[i] = sum / factor[i][i]
            }
            for i in stride(from: k - 1, through: 0, by: -1) {
                var sum = y[i]
                for l in (i + 1)..<max(k, i + 1) { sum -= factor[l][i] * inverse[l * k + column] }
                inverse[i * k + column] = sum / factor[i][i]
            }
        }
        return inverse
    }
}

extension DensityOfStates {
    /// Whether the numbers are those of `count` kinds of evidence, and make sense.
    func isSound(count: Int) -> Bool {
        [medians, spreads, means].allSatisfy { $0.count == count && $0.allSatisfy(\.isFinite) }
            && spreads.allSatisfy { $0 > 0 } && precision.count == count * count
            && precision.allSatisfy(\.isFinite) && (excess?.isSound(count: count) ?? true)
    }
}

extension DensityOfStates.Excess {
    fileprivate func isSound(count: Int) -> Bool {
        kinds.allSatisfy { (0..<count).contains($0) } && kinds.count == deviations.count
            && deviations.allSatisfy { $0.isFinite && $0 > 0 } && weight.isFinite && weight >= 0
    }
}
