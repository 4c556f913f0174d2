import FlowCore
import Glibc

/// Particles of one completion: rows of a ``ConditionalSolve`` beside those of other completions, which they never meet.
struct ParticleRun {
    /// Rows of the solve that are the particles.
    let rows: Range<Int>
    /// Whether particles are resampled; those of an exact draw are alternatives of one class each, of which one is chosen at the end.
    let resamples: Bool
    /// Random numbers of choices.
    private var stream: RandomStream
    /// Smallest effective sample size so far.
    private(set) var effectiveSampleSize: Double
    /// Particle at the start that each one descends from.
    private var ancestry: [Int]

    init(rows: Range<Int>, resamples: Bool, stream: RandomStream) {
        self.rows = rows
        self.resamples = resamples
        self.stream = stream
        effectiveSampleSize = Double(rows.count)
        ancestry = Array(0..<rows.count)
    }

    /// Number of particles at the start that those now descend from.
    var ancestors: Int { Set(ancestry).count }

    /// Returns the class of each particle, those of a stratified sample of the prior: evenly spread over its quantiles from a random
    /// start.
    mutating func classes(_ prior: [Double]) -> [Int] {
        let start = Double(stream.uniform())
        return rows.indices.map { m in
            index(at: (Double(m) + start) / Double(rows.count), of: prior)
        }
    }

    /// Notes the effective sample size, and where it is below half of the particles, chooses which row goes on in the place of
    /// each and makes their weights equal again.
    /// - Returns: whether `choice`, `[rows]`, has changed.
    mutating func resample(_ logWeights: inout [Double], _ choice: inout [Int]) -> Bool {
        guard resamples else { return false }
        let weights = normalized(logWeights[rows])
        let squares = weights.reduce(0) { $0 + $1 * $1 }
        // no weight left: nothing to choose from
        guard squares > 0 else {
            effectiveSampleSize = 0
            return false
        }
        effectiveSampleSize = min(effectiveSampleSize, 1 / squares)
        guard 1 / squares < Double(rows.count) / 2 else { return false }
        let start = Double(stream.uniform())
        var copies = [Int](repeating: 0, count: rows.count)
        for m in rows.indices { copies[index(at: (Double(m) + start) / Double(rows.count), of: weights)] += 1 }
        // who goes on stays in place, so that nothing is overwritten before it is copied
        var surplus = copies.indices.flatMap { Array(repeating: $0, count: max(0, copies[$0] - 1)) }
        for m in copies.indices where copies[m] == 0 {
            let from = surplus.removeLast()
            choice[rows.lowerBound + m] = rows.lowerBound + from
            ancestry[m] = ancestry[from]
        }
        for r in rows { logWeights[r] = 0 }
        return true
    }

    /// Returns the row that is chosen, each with the probability of its weight; nil when no weight is a number above 0.
    mutating func choose(_ logWeights: [Double]) -> Int? {
        let weights = normalized(logWeights[rows])
        let place = Double(stream.uniform())
        guard weights.contains(where: { $0 > 0 }) else { return nil }
        return rows.lowerBound + index(at: place, of: weights)
    }
}

/// Returns weights that add up to 1, in place of their logarithms; zeros where none is above 0. A NaN counts as 0.
private func normalized(_ logWeights: ArraySlice<Double>) -> [Double] {
    let known = logWeights.map { $0.isNaN ? -Double.infinity : $0 }
    let highest = known.max() ?? -.infinity
    guard highest.isFinite else { return known.map { _ in 0 } }
    let weights = known.map { exp($0 - highest) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
}

/// Returns the index at which the running sum of probabilities passes `place`, in `[0, 1)`: the last that is not 0 where rounding
/// leaves none.
private func index(at place: Double, of probabilities: [Double]) -> Int {
    var rest = place
    var last = 0
    for (i, probability) in probabilities.enumerated() where probability > 0 {
        rest -= probability
        last = i
        if rest < 0 { return i }
    }
    return last
}
