import FlowCore
import FlowTraining
import Glibc
import Testing

@Suite("Sample metrics")
struct MetricsTests {
    /// Normal points around `mean` with standard deviation `scale`.
    private func normal(_ count: Int, dims: Int, mean: Float = 0, scale: Float = 1, seed: UInt64) -> ImageSample {
        var random = RandomStream(seed: seed, stream: 0)
        return ImageSample(
            Matrix(
                rows: count, columns: dims, elements: (0..<count * dims).map { _ in mean + scale * random.normal() }))
    }

    @Test("distances between points are those of the formula")
    func distances() throws {
        let (x, y) = (normal(140, dims: 7, seed: 1), normal(33, dims: 7, seed: 2))
        let all = try x.mapDistances(to: y, threads: 2) { $1 }
        for r in [0, 5, 139] {
            for c in 0..<33 {
                let exact = (0..<7).reduce(0.0) {
                    let d = Double(x.points[r, $1] - y.points[c, $1])
                    return $0 + d * d
                }
                #expect(abs(Double(all[r * 33 + c]) - exact) < 1e-5 * (1 + exact))
            }
        }
    }

    /// Between N(0, I) and N(m, I) in D dimensions, kernel width σ: with a = σ²/(σ² + 2),
    /// MMD² = 2 a^(D/2) (1 − exp(−|m|²/(2(σ² + 2)))).
    @Test("the mean discrepancy of two normal distributions is that of the closed form", arguments: [0, 0.5, 1.5])
    func meanDiscrepancy(shift: Float) throws {
        let (dims, width) = (3, 1.7)
        let (x, y) = (normal(900, dims: dims, seed: 3), normal(700, dims: dims, mean: shift, seed: 4))
        let result = try MaximumMeanDiscrepancy(x, y, bandwidth: width, seed: 1, threads: 2)
        let squares = width * width
        let length = Double(dims) * Double(shift) * Double(shift)
        let exact = 2 * pow(squares / (squares + 2), Double(dims) / 2) * (1 - exp(-length / (2 * (squares + 2))))
        #expect(abs(result.squared - exact) < 0.02, "\(result.squared), \(exact)")
        if shift == 0 {
            #expect(result.pValue > 0.01)
        } else {
            #expect(result.pValue == 1 / Double(MaximumMeanDiscrepancy.permutations + 1))
        }
    }

    @Test("under the null the p-value is spread over its range")
    func nullDistribution() throws {
        let values = try (0..<20).map { seed in
            try MaximumMeanDiscrepancy(
                normal(30, dims: 2, seed: 100 + 2 * seed), normal(30, dims: 2, seed: 101 + 2 * seed), seed: seed,
                threads: 2
            ).pValue
        }
        #expect(values.count { $0 < 0.5 } > 3 && values.count { $0 > 0.5 } > 3, "\(values)")
        #expect(values.count { $0 < 0.05 } < 5)
    }

    /// A shift by m moves the projections on a unit vector θ by θ·m, and the mean of (θ·m)² over directions is |m|²/D.
    @Test("the sliced distance of a shifted sample is the shift over the root of D")
    func slicedWasserstein() throws {
        let x = normal(400, dims: 20, seed: 5)
        var moved = x.points
        for r in 0..<400 { moved[r, 3] += 2 }
        let distance = try SlicedWasserstein.distance(x, ImageSample(moved), seed: 7, threads: 2)
        // the mean over 512 directions of a square with relative variance 2
        #expect(abs(distance - 2 / 20.0.squareRoot()) < 0.06)
        #expect(try SlicedWasserstein.distance(x, x, seed: 7, threads: 2) == 0)
    }

    @Test("a classifier guesses between equal samples and tells different ones apart")
    func classifier() throws {
        let x = normal(150, dims: 10, seed: 8)
        let same = try ClassifierTwoSampleTest(x, normal(150, dims: 10, seed: 9), seed: 1, threads: 2)
        #expect(abs(same.accuracy - 0.5) < 4 * same.standardError && same.pValue > 1e-4)
        let other = try ClassifierTwoSampleTest(x, normal(150, dims: 10, mean: 3, seed: 10), seed: 1, threads: 2)
        #expect(other.accuracy > 0.99 && other.pValue < 1e-10)
        // of the same mean: only what is not linear helps
        let wide = try ClassifierTwoSampleTest(x, normal(150, dims: 10, scale: 4, seed: 11), seed: 1, threads: 1)
        #expect(wide.accuracy > 0.8)
    }

    @Test("coverage is 1 for the same images, 0 for images elsewhere, and small where samples crowd")
    func coverage() throws {
        let real = normal(200, dims: 4, seed: 12)
        let same = try NeighbourCoverage(samples: real, real: real, threads: 2)
        #expect(same.coverage == 1)
        let fresh = try NeighbourCoverage(samples: normal(200, dims: 4, seed: 13), real: real, threads: 2)
        #expect(fresh.coverage > 0.85 && abs(fresh.density - 1) < 0.25, "\(fresh)")
        let elsewhere = try NeighbourCoverage(samples: normal(200, dims: 4, mean: 50, seed: 14), real: real, threads: 2)
        #expect(elsewhere.coverage == 0 && elsewhere.density == 0)
        let crowded = try NeighbourCoverage(samples: normal(200, dims: 4, scale: 0.1, seed: 15), real: real, threads: 2)
        #expect(crowded.density > 0.7 && crowded.coverage < 0.4, "\(crowded)")
    }

    @Test("copies of training images are found, fresh ones are not taken for copies")
    func memorization() throws {
        let train = normal(300, dims: 6, seed: 16)
        let (fresh, heldOut) = (normal(100, dims: 6, seed: 17), normal(100, dims: 6, seed: 18))
        let honest = try Memorization(samples: fresh, heldOut: heldOut, train: train, threads: 2)
        #expect(abs(honest.ofSamples - honest.ofHeldOut) < 0.25)
        var copies = train.subset(0..<100).points
        for i in copies.elements.indices { copies.elements[i] += 1e-3 }
        let copied = try Memorization(samples: ImageSample(copies), heldOut: heldOut, train: train, threads: 2)
        #expect(copied.ofSamples == 1 && copied.ofHeldOut == honest.ofHeldOut)
    }

    /// Images of two kinds, a bright left or a bright right half, with noise.
    private func kinds(_ count: Int, leftShare: Float, seed: UInt64) -> ImageSample {
        var random = RandomStream(seed: seed, stream: 0)
        return ImageSample(
            images: (0..<count).map { _ in
                let isLeft = random.uniform() < leftShare
                return (0..<36).map { pixel in
                    let isBright = (pixel % 6 < 3) == isLeft
                    return UInt8(min(max((isBright ? 200 : 50) + 15 * random.normal(), 0), 255))
                }
            }, levels: 256)
    }

    @Test("a kind of image that is never drawn is found by every metric, and equal samples are cleared by all")
    func modeCollapse() throws {
        let real = kinds(200, leftShare: 0.5, seed: 20)
        let train = kinds(300, leftShare: 0.5, seed: 21)
        let good = try SampleComparison(
            samples: kinds(200, leftShare: 0.5, seed: 22), real: real, train: train, seed: 1, threads: 2)
        #expect(good.maximumMeanDiscrepancy.pValue > 0.01)
        #expect(abs(good.classifier.accuracy - 0.5) < 4 * good.classifier.standardError)
        #expect(good.neighbours.coverage > 0.85)
        let collapsed = try SampleComparison(
            samples: kinds(200, leftShare: 1, seed: 23), real: real, train: train, seed: 1, threads: 2)
        #expect(collapsed.maximumMeanDiscrepancy.pValue < 0.01)
        // both kinds come in about, not exactly, equal numbers: that alone is a distance
        #expect(collapsed.slicedWasserstein.distance > 2 * good.slicedWasserstein.distance)
        #expect(collapsed.slicedWasserstein.distance > 3 * collapsed.slicedWasserstein.betweenRealHalves)
        #expect(collapsed.classifier.accuracy > 0.6 && collapsed.classifier.pValue < 1e-4)
        #expect(collapsed.neighbours.coverage < 0.6)
        #expect(collapsed.memorization != nil)
    }

    @Test("threads do not change a comparison, the seed does")
    func determinism() throws {
        let (x, y) = (kinds(40, leftShare: 0.5, seed: 24), kinds(40, leftShare: 0.4, seed: 25))
        let one = try SampleComparison(samples: x, real: y, seed: 3, threads: 1)
        #expect(try SampleComparison(samples: x, real: y, seed: 3, threads: 4) == one)
        #expect(try SampleComparison(samples: x, real: y, seed: 4, threads: 1) != one)
    }

    @Test("too few and too many images are refused")
    func limits() throws {
        let few = normal(SampleComparison.minCount, dims: 2, seed: 26)
        #expect(try SampleComparison(samples: few, real: few, seed: 0, threads: 1).count == SampleComparison.minCount)
        let fewer = few.subset(0..<SampleComparison.minCount - 1)
        #expect(throws: TrainingError.self) {
            try SampleComparison(samples: few, real: fewer, seed: 0, threads: 1)
        }
        let many = normal(SampleComparison.maxCount + 1, dims: 1, seed: 27)
        #expect(throws: TrainingError.self) { try SampleComparison(samples: many, real: many, seed: 0, threads: 1) }
    }
}
