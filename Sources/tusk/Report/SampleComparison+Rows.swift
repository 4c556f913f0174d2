import FlowTraining

extension SampleComparison {
    /// Names of the metrics with their figures in words.
    /// - Parameter split: that of the held-out images.
    func rows(split: String) -> [(name: String, value: String)] {
        let mmd = maximumMeanDiscrepancy
        let rows = [
            (
                "samples",
                "\(grouped(count)) of seed \(seed), beside as many \(split == "all" ? "of all" : split) images"
            ),
            (
                "mmd²",
                "\(fixed(mmd.squared, 6)), \(probability(mmd.pValue)) (0: the same; kernel of width \(fixed(mmd.bandwidth, 2)))"
            ),
            (
                "wasserstein",
                "\(fixed(slicedWasserstein.distance, 4)), sliced (two halves of the real images: "
                    + "\(fixed(slicedWasserstein.betweenRealHalves, 4)))"
            ),
            (
                "classifier",
                "\(fixed(100 * classifier.accuracy, 1)) ± \(fixed(100 * classifier.standardError, 1)) % told right, "
                    + "\(probability(classifier.pValue)) (50: cannot be told)"
            ),
            (
                "coverage",
                "\(fixed(neighbours.coverage, 3)), density \(fixed(neighbours.density, 3)) "
                    + "(near 1: every kind of image is drawn, and no other)"
            ),
        ]
        let copies = memorization.map {
            (
                "copies",
                "\(fixed(100 * $0.ofSamples, 1)) % of the samples, \(fixed(100 * $0.ofHeldOut, 1)) % of the held-out images "
                    + "(as near to a training image as the others are)"
            )
        }
        return (rows + [copies].compactMap { $0 }).map { (name: $0.0, value: $0.1) }
    }
}

/// A p-value in words.
func probability(_ p: Double) -> String { p < 0.001 ? "p < 0.001" : "p = \(fixed(p, 3))" }
