import Glibc

extension ImageScore {
    /// Probability of each class given the image, in the order of the record's classes: Bayes' rule with the classes'
    /// frequencies `π_c` in the training data for the prior, each density the bound of all draws (``classLogProbs``).
    ///
    ///     p(c | y) = π_c p(y | c) / Σ_k π_k p(y | k)
    ///
    /// Nil unless the model is class-conditional, was asked for no class, and gave the densities given each.
    public var classPosterior: [Double]? {
        guard let joint = logJoint else { return nil }
        let total = logSumExp(joint)
        return joint.map { exp($0 - total) }
    }

    /// Index of the class of the highest probability given the image, the first of several; nil where ``classPosterior`` is,
    /// where a density is not a number, and where all are 0.
    public var mostProbableClass: Int? {
        guard let joint = logJoint, logSumExp(joint) > -.infinity else { return nil }
        // logarithms differ where probabilities round to the same
        return joint.indices.max { joint[$0] < joint[$1] }
    }

    /// `log p(y | class)` of every class, nats, each the logarithm of the mean of all draws; empty unless the draws are of a
    /// mixture of classes.
    public var classLogProbs: [Double] {
        draws[0].classLogProbs.indices.map { c in logMeanExp(draws.map { $0.classLogProbs[c] }) }
    }

    /// Joint log-density `log π_c p(y | c)` of every class, nats; nil unless the model is class-conditional and was asked for no
    /// class.
    private var logJoint: [Double]? {
        guard classIndex == nil, let prior = record.classPrior, !draws[0].classLogProbs.isEmpty else { return nil }
        return zip(prior, classLogProbs).map { log($0) + $1 }
    }
}
