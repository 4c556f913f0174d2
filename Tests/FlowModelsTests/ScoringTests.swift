import FlowCore
import FlowModels
import Glibc
import TestSupport
import Testing

@Suite("Importance-weighted bound")
struct ImportanceWeightedBoundTests {
    @Test("bound and standard error equal a hand computation")
    func byHand() {
        // weights 1 and 3: mean 2, deviations ±1, so a standard error of 1 over the mean
        let two = ImportanceWeightedBound(logWeights: [0, log(3)])
        #expect(abs(two.value - log(2)) < 1e-15)
        #expect(abs(two.standardError! - 0.5) < 1e-15)
        // weights 1, 2, 3, 6: mean 3, sum of squares 14, √(14/12)/3
        let four = ImportanceWeightedBound(logWeights: [log(6), 0, log(3), log(2)])
        #expect(abs(four.value - log(3)) < 1e-15)
        #expect(abs(four.standardError! - (14.0 / 12).squareRoot() / 3) < 1e-15)
    }

    @Test("one draw is its own bound, to the bit, and says nothing of the spread", arguments: [-1234.5678, 0, 3490.25])
    func one(_ logWeight: Double) {
        let bound = ImportanceWeightedBound(logWeights: [logWeight])
        #expect(bound.value == logWeight && bound.standardError == nil)
    }

    @Test("equal draws have no spread, however small their weights")
    func equal() {
        for logWeight in [-1e90, -5000, 0, 5000] {
            let bound = ImportanceWeightedBound(logWeights: Array(repeating: logWeight, count: 8))
            #expect(bound.value == logWeight && bound.standardError == 0)
        }
    }

    @Test("weights that underflow beside the largest count as zero")
    func underflow() {
        for others in [[4000.0], [-.infinity], [-1e300]] {
            let bound = ImportanceWeightedBound(logWeights: others + [5000])
            #expect(abs(bound.value - (5000 - log(2))) < 1e-12)
            #expect(bound.standardError == 1)  // one of two carries all: √(½/2)/½
        }
        var many = [Double](repeating: -3000, count: 100)
        many[37] = 0
        let bound = ImportanceWeightedBound(logWeights: many)
        #expect(abs(bound.value + log(100)) < 1e-12 && abs(bound.standardError! - 1) < 1e-12)
    }

    @Test("a constant factor shifts the bound and leaves the standard error")
    func shift() {
        let draws = [0.25, -1.5, 0.75, 2]
        let (here, there) = (
            ImportanceWeightedBound(logWeights: draws), ImportanceWeightedBound(logWeights: draws.map { $0 - 4096 })
        )
        #expect(abs(there.value + 4096 - here.value) < 1e-11)
        #expect(there.standardError == here.standardError)
    }

    @Test("what is not finite is said, without a standard error")
    func notFinite() {
        let none = ImportanceWeightedBound(logWeights: [-.infinity, -.infinity])
        #expect(none.value == -.infinity && none.standardError == nil)
        let all = ImportanceWeightedBound(logWeights: [.infinity, 0])
        #expect(all.value == .infinity && all.standardError == nil)
        for draws in [[.nan, 0], [0, .nan], [.nan, .infinity], [-.infinity, .nan]] as [[Double]] {
            let bound = ImportanceWeightedBound(logWeights: draws)
            #expect(bound.value.isNaN && bound.standardError == nil)
        }
    }
}

@Suite("Calibration")
struct CalibrationTests {
    @Test("is 101 rising quantiles from the smallest to the largest")
    func quantiles() {
        let hundredAndOne = Calibration(split: "validation", logProbs: (0...100).reversed().map(Double.init))
        #expect(hundredAndOne.logProbQuantiles == (0...100).map(Double.init))
        #expect(hundredAndOne.split == "validation" && hundredAndOne.count == 101)
        let three = Calibration(split: "validation", logProbs: [4, 0, 1]).logProbQuantiles
        #expect(three.count == 101)
        #expect([three[0], three[25], three[50], three[75], three[100]] == [0, 0.5, 1, 2.5, 4])
        #expect(Calibration(split: "validation", logProbs: [7]).logProbQuantiles == Array(repeating: 7, count: 101))
    }

    @Test("a percentile is the inverse of the quantiles, linear between them")
    func inverse() throws {
        let calibration = Calibration(split: "validation", logProbs: [-3, 8, 0.5, 21, -40])
        for percent in 0...100 {
            let logProb = calibration.logProb(atPercentile: percent)
            #expect(abs(try #require(calibration.percentile(of: logProb)) - Double(percent)) < 1e-9)
        }
        let tens = Calibration(split: "validation", count: 5, logProbQuantiles: (0...100).map { 10 * Double($0) })
        #expect(tens.percentile(of: 123) == 12.3)
    }

    @Test("of equal quantiles the least counts: only what is lower is below")
    func ties() {
        let quantiles = (0...100).map { $0 < 40 ? 0.0 : $0 <= 60 ? 1 : 2 }
        let calibration = Calibration(split: "validation", count: 5, logProbQuantiles: quantiles)
        for (logProb, percentile) in [(0.0, 0.0), (0.5, 39.5), (1, 40), (1.5, 60.5), (2, 61), (2.1, 100), (-0.1, 0)] {
            #expect(calibration.percentile(of: logProb) == percentile, "\(logProb)")
        }
        let constant = Calibration(split: "validation", logProbs: [7, 7, 7])
        #expect(constant.percentile(of: 7) == 0 && constant.percentile(of: 7.000001) == 100)
    }

    @Test("infinite log-densities are at the ends, one that is no number nowhere")
    func notFinite() {
        let calibration = Calibration(split: "validation", logProbs: [1, 2, 3])
        #expect(calibration.percentile(of: -.infinity) == 0 && calibration.percentile(of: .infinity) == 100)
        #expect(calibration.percentile(of: .nan) == nil)
    }
}

@Suite("Image score")
struct ImageScoreTests {
    /// Of two dimensions, 4 levels and the classes `a` and `b`.
    private static func record(prior: [Double]? = nil, calibration: [Double]? = nil) -> ModelRecord {
        var record = FakeDensity(
            shape: EventShape(height: 1, width: 2, channels: 1), levels: 4, classes: ["a", "b"],
            calibration: calibration, isConditional: prior != nil
        ).record
        record.classPrior = prior
        return record
    }

    private static func mixture(_ classLogProbs: [[Double]], prior: [Double]) -> ImageScore {
        ImageScore(
            draws: classLogProbs.map { parts in
                RowDensity(logProb: logSumExp(zip(prior, parts).map { log($0) + $1 }), classLogProbs: parts)
            }, record: record(prior: prior))
    }

    @Test("nats become bits per dimension in one way")
    func bits() {
        let score = ImageScore(draws: [RowDensity(logProb: 1)], record: Self.record())
        #expect(abs(score.bitsPerDim - 1.278_652_479_555_518) < 1e-12)  // 2 − 1/(2·ln 2)
        #expect(abs(Self.record().bitsPerDim(difference: 2 * M_LN2) - 1) < 1e-15)
        let other = ImageScore(draws: [RowDensity(logProb: 1.5)], record: Self.record())
        #expect(abs(score.bitsPerDim - other.bitsPerDim - Self.record().bitsPerDim(difference: 0.5)) < 1e-15)
    }

    @Test("the posterior is Bayes' rule over the bounds of the classes")
    func posterior() throws {
        // 0.25 · 6 : 0.75 · 2
        let even = try #require(Self.mixture([[log(6), log(2)]], prior: [0.25, 0.75]).classPosterior)
        #expect(abs(even[0] - 0.5) < 1e-15 && abs(even[1] - 0.5) < 1e-15)
        // means 2 and 2 of draws 1, 3 and 2, 2: the prior is left
        let two = Self.mixture([[0, log(2)], [log(3), log(2)]], prior: [0.25, 0.75])
        #expect(abs(two.classLogProbs[0] - log(2)) < 1e-15 && abs(two.classLogProbs[1] - log(2)) < 1e-15)
        let posterior = try #require(two.classPosterior)
        #expect(abs(posterior[0] - 0.25) < 1e-15 && abs(posterior[1] - 0.75) < 1e-15)
        #expect(two.mostProbableClass == 1 && abs(two.logProb - log(2)) < 1e-15)
    }

    @Test("a posterior underflows to 0 and 1, and the most probable class is still known")
    func posteriorExtremes() {
        let half = [0.5, 0.5]
        let far = Self.mixture([[-9000, 0]], prior: half)
        #expect(far.classPosterior == [0, 1] && far.mostProbableClass == 1)
        let near = Self.mixture([[-1e6, -1e6 - 1e-9]], prior: half)
        #expect(near.mostProbableClass == 0 && abs(near.classPosterior![0] - 0.5) < 1e-8)
        #expect(Self.mixture([[-2, -2]], prior: half).mostProbableClass == 0)  // of equal ones the first
        #expect(Self.mixture([[-.infinity, -3]], prior: half).classPosterior == [0, 1])
        let none = Self.mixture([[-.infinity, -.infinity]], prior: half)
        #expect(none.mostProbableClass == nil && none.classPosterior!.allSatisfy(\.isNaN))
        let broken = Self.mixture([[.nan, 0]], prior: half)
        #expect(broken.mostProbableClass == nil && broken.classPosterior!.allSatisfy(\.isNaN))
    }

    @Test("a model without classes to choose between has no posterior, nor has an answer for one class")
    func noPosterior() {
        let plain = ImageScore(draws: [RowDensity(logProb: 0)], record: Self.record())
        #expect(plain.classPosterior == nil && plain.mostProbableClass == nil && plain.classLogProbs == [])
        let given = ImageScore(
            draws: [RowDensity(logProb: 0)], classIndex: 1, record: Self.record(prior: [0.5, 0.5]))
        #expect(given.classPosterior == nil && given.mostProbableClass == nil)
    }

    @Test("a percentile is of densities like the held-out images': of the mixture, not of a class")
    func percentile() {
        let quantiles = (0...100).map(Double.init)
        let draws = [RowDensity(logProb: 30, classLogProbs: [29, 31])]
        let conditional = Self.record(prior: [0.5, 0.5], calibration: quantiles)
        #expect(ImageScore(draws: draws, record: conditional).percentile == 30)
        #expect(ImageScore(draws: draws, classIndex: 0, record: conditional).percentile == nil)
        // of the bound, not of the first draw
        let two = [RowDensity(logProb: 30), RowDensity(logProb: 30 + log(3))]
        let bound = ImageScore(draws: two, record: Self.record(calibration: quantiles)).percentile
        #expect(abs(bound! - 30 - log(2)) < 1e-12)
        #expect(ImageScore(draws: two, record: Self.record()).percentile == nil)
    }

    @Test("members are named, in one order, and left out where there is nothing to say")
    func members() {
        func names(_ score: ImageScore) -> [String] { score.members.map(\.name) }
        let draw = RowDensity(logProb: 1)
        let plain = ImageScore(draws: [draw], record: Self.record())
        #expect(names(plain) == ["log_prob", "bits_per_dim", "samples"])
        #expect(plain.members.map(\.value) == [.number(1), .number(plain.bitsPerDim), .count(1)])
        let bound = ImageScore(draws: [draw, draw], record: Self.record(calibration: Array(repeating: 1, count: 101)))
        #expect(names(bound) == ["log_prob", "bits_per_dim", "percentile", "samples", "standard_error"])
        let conditional = Self.record(prior: [0.5, 0.5])
        let given = ImageScore(draws: [draw], classIndex: 1, record: conditional)
        #expect(given.members.last == ImageScore.Figure(name: "class", value: .text("b")))
        let mixture = Self.mixture([[-9000, 0]], prior: [0.5, 0.5])
        #expect(
            mixture.members.last
                == ImageScore.Figure(
                    name: "class_posterior",
                    value: .members([.init(name: "a", value: .number(0)), .init(name: "b", value: .number(1))])))
        var mapped = DecisionTests.decided()
        mapped.pixelMap = PixelMap(kind: .conditional, values: Array(repeating: 0, count: 6))
        let sets = DecisionTests.classSet()
        let all = Set([bound, given, mixture, mapped, sets].flatMap(names))
        #expect(all == Set(ImageScore.figureNames) && all.count == ImageScore.figureNames.count)
    }
}
