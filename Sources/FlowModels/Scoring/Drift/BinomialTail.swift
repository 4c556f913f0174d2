import Glibc

/// Probabilities of a binomial number of successes, and the bound on a fraction that they give.
enum BinomialTail {
    /// Probability of at most `successes` of `trials` that succeed with probability `p` each, in (0, 1).
    static func atMost(_ successes: Int, of trials: Int, probability p: Double) -> Double {
        guard successes < trials else { return 1 }
        // The terms rise to the mode and may be too small for a number before it, so they are added up as logarithms.
        let odds = log(p) - log1p(-p)
        var term = Double(trials) * log1p(-p)
        var sum = term
        for i in 0..<successes {
            term += log(Double(trials - i) / Double(i + 1)) + odds
            let larger = max(sum, term)
            sum = larger + log(exp(sum - larger) + exp(term - larger))
        }
        return min(1, exp(sum))
    }

    /// Upper confidence bound of the probability that falls into `gaps` of the `n + 1` gaps between `n` independent numbers: it is
    /// above the bound with probability `failure` at most.
    ///
    /// Gaps next to each other hold a Beta(`gaps`, `n + 1 − gaps`) distributed probability of what the numbers were drawn from,
    /// whatever that is, if it has no atoms; the bound is that distribution's quantile. It is also that of Clopper and Pearson for
    /// `gaps − 1` successes in `n` trials.
    ///
    /// Source: Wilks, *Determination of Sample Sizes for Setting Tolerance Limits* (1941); Clopper and Pearson (1934).
    /// - Precondition: `1 ... n` gaps.
    static func upperBound(gaps: Int, of n: Int, failure: Double) -> Double {
        precondition((1...n).contains(gaps))
        var (low, high) = (0.0, 1.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if atMost(gaps - 1, of: n, probability: middle) > failure { low = middle } else { high = middle }
        }
        return high
    }
}
