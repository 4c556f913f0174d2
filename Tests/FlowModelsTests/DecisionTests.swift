import FlowCore
import FlowLayers
import Foundation
import TestSupport
import Testing

@testable import FlowModels

@Suite("Evidence and decisions")
struct DecisionTests {
    // MARK: - Evidence

    @Test("statistics of a latent are those of its definition")
    func statistics() {
        let shape = EventShape(height: 2, width: 2, channels: 1)
        let found = LatentStatistics([9, 1, -2, 3, 0], offset: 1, shape: shape)
        #expect(found.mean == 0.5 && found.meanSquare == 14.0 / 4 && found.fourthMoment == 98.0 / 4)
        #expect(found.largest == 3)
        #expect(found.rowCorrelation == Double(-2 - 6 + 0) / 4 && found.columnCorrelation == Double(3 + 0) / 4)
        // Four values in four of sixteen cells, of which a quarter each is expected.
        #expect(abs(found.chiSquare - (4 * 0.75 * 0.75 / 0.25 + 12 * 0.25) / 4) < 1e-12)
    }

    @Test("of standard normals they are what is said of them, whatever the seed", arguments: [UInt64(1), 2, 3])
    func standardNormals(seed: UInt64) {
        let shape = EventShape(height: 128, width: 128, channels: 1)
        var z = [Float](repeating: 0, count: shape.dims)
        var span = z.mutableSpan
        RandomStream.normals(seed: seed, stream: 0, to: &span, offset: 0, count: shape.dims)
        let found = LatentStatistics(z, offset: 0, shape: shape)
        let error = 1 / Double(shape.dims).squareRoot()
        for value in [found.mean, found.rowCorrelation, found.columnCorrelation] { #expect(abs(value) < 4 * error) }
        #expect(abs(found.meanSquare - 1) < 4 * 2.0.squareRoot() * error)
        #expect(abs(found.fourthMoment - 3) < 4 * 96.0.squareRoot() * error)
        // χ² of 15 degrees of freedom: 15 ± 5.5
        #expect(found.chiSquare * Double(shape.dims) < 44)
        var shifted = z
        for i in shifted.indices { shifted[i] *= 1.2 }
        #expect(LatentStatistics(shifted, offset: 0, shape: shape).chiSquare * Double(shape.dims) > 100)
    }

    @Test(
        "a row that wants evidence has the same density, and the statistics of its latent; the mixture's are its best class's"
    )
    func ofModels() throws {
        let model = try tinyModel(AffineCouplingFlow.self, levels: 17)
        let pixels = (0..<model.record.eventShape.dims).map { UInt8($0 % 17) }
        let plain = try model.densities(of: [DensityRow(pixels: pixels)], isCancelled: { false })[0]
        let asked = try model.densities(of: [DensityRow(pixels: pixels, wantsEvidence: true)], isCancelled: { false })[
            0]
        #expect(plain.evidence == nil && asked.logProb == plain.logProb)
        let evidence = try #require(asked.evidence)
        #expect(evidence.count == Evidence.all.count && evidence[0] == plain.logProb)
        // The base density of the latent is what its mean square says.
        var results = [LatentDensity()]
        var span = results.mutableSpan
        try model.logDensities(of: [DensityRow(pixels: pixels, wantsEvidence: true)], to: &span, isCancelled: { false })
        #expect(results[0].latents.meanSquare > 0 && evidence[3] == results[0].latents.meanSquare)
    }

    @Test("the complexity of an image is its deflated size")
    func complexity() {
        let flat = Complexity.bytes(of: Array(repeating: 7, count: 784))
        let noisy = Complexity.bytes(of: (0..<784).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ $0 &* $0 &* 31) })
        #expect(flat < 30 && noisy > 200)
    }

    // MARK: - Rates, ranks, verdicts

    @Test("rates of false alarms are decimal fractions, kept in whole numbers")
    func rates() throws {
        for (text, least) in [("0.01", 99), ("0.05", 19), ("0.5", 1), ("0.10", 9), ("0.001", 999), ("0.03", 33)] {
            let rate = try #require(AlarmRate(text))
            #expect(rate.description == text && rate.leastImages == least, "\(text)")
            #expect(try JSONDecoder().decode(AlarmRate.self, from: JSONEncoder().encode(rate)) == rate)
        }
        for text in ["", "0", "0.", "0.0", "0.51", "1", ".01", "1e-2", "0,01", "-0.1", "0.0000000001", " 0.1", "0.1 "] {
            #expect(AlarmRate(text) == nil, "\(text)")
        }
    }

    @Test("ties count as odd, an infinite score is the oddest")
    func ranks() {
        let sorted = [1.0, 2, 2, 3]
        for (score, count) in [(0.5, 5), (1, 5), (2, 4), (2.5, 2), (3, 2), (4, 1), (.infinity, 1)] {
            let rank = ConformalRank(of: score, among: sorted)
            #expect(rank.count == count && rank.total == 5 && rank.pValue == Double(count) / 5, "\(score)")
        }
        #expect(ConformalRank.twoSided(0, among: sorted).count == 2)
        #expect(ConformalRank.twoSided(9, among: sorted).count == 2)
        #expect(ConformalRank.twoSided(2, among: sorted).count == 5)
    }

    @Test("9, 19 and 99 images just allow rates of 0.1, 0.05 and 0.01; one image less says nothing")
    func exactBounds() throws {
        for (text, images) in [("0.1", 9), ("0.05", 19), ("0.01", 99)] {
            let rate = try #require(AlarmRate(text))
            let sorted = (0..<images).map(Double.init)
            #expect(Verdict(ConformalRank(of: 1e9, among: sorted), at: rate) == .outlier)
            #expect(Verdict(ConformalRank(of: Double(images) - 1, among: sorted), at: rate) == .unusual)
            #expect(Verdict(ConformalRank(of: 0, among: sorted), at: rate) == .typical)
            #expect(Verdict(ConformalRank(of: 1e9, among: Array(sorted.dropLast())), at: rate) == nil)
        }
    }

    // MARK: - Decisions

    /// Evidence of `count` made-up images: normal values that hang together, `shift` of a standard deviation off.
    static func evidence(_ count: Int, seed: UInt64, shift: Double = 0) -> [[Double]] {
        var stream = RandomStream(seed: seed, stream: 1)
        func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + Double(stream.uniform()) } }
        return (0..<count).map { _ in
            let common = normal()
            return Evidence.all.indices.map { 100 * Double($0) + common + 0.5 * normal() + ($0 == 2 ? shift : 0) }
        }
    }

    @Test("p-values of images like the learned ones are uniform, at every rate no more alarms than it says")
    func uniform() {
        var counts = [Int](repeating: 0, count: 10)
        var alarms = 0
        for seed in 0..<20 {
            let all = Self.evidence(1200, seed: UInt64(seed))
            let decision = DecisionRecord(split: "validation", values: Array(all.prefix(400)))
            #expect(decision.count == 200 && decision.fitted == 200)
            for values in all.dropFirst(400) {
                let rank = decision.rank(of: values)!
                counts[min(9, Int(rank.pValue * 10))] += 1
                if Verdict(rank, at: decision.alarm) == .outlier { alarms += 1 }
            }
        }
        // 16,000 in all; the calibration sets add 20 · 800² · p(1 − p)/200.
        for count in counts { #expect(abs(count - 1600) < 400, "\(counts)") }
        #expect(alarms < 320 && alarms > 40, "\(alarms)")
    }

    @Test("what hangs together otherwise is an outlier, though no value of it is odd")
    func combination() {
        let decision = DecisionRecord(split: "validation", values: Self.evidence(1000, seed: 3))
        var values = Evidence.all.indices.map { 100 * Double($0) + 1.5 }
        #expect(decision.rank(of: values)!.pValue > 0.05)
        values[2] -= 4
        #expect(decision.rank(of: values)!.count == 1)
        values[2] = .infinity
        #expect(decision.rank(of: values)!.count == 1)
        values[2] = .nan
        #expect(decision.rank(of: values) == nil)
    }

    @Test("the score's mean over the fitted images is about their number of dimensions")
    func mahalanobis() {
        let values = Self.evidence(2000, seed: 5)
        let density = DensityOfStates(fitting: values)
        let mean = values.reduce(0) { $0 + density.score(of: $1) } / 2000
        #expect(abs(mean - Double(Evidence.all.count)) < 0.7, "\(mean)")
    }

    @Test("surprise counts again, and its absence does not; the excess has half of the spread")
    func surprise() throws {
        let values = Self.evidence(600, seed: 12)
        let plain = DensityOfStates(fitting: values)
        let surprised = DensityOfStates(fitting: values, surprises: [3, 4])
        #expect(plain.excess == nil && surprised.excess?.kinds == [3, 4])
        let more = values.map { surprised.score(of: $0) - plain.score(of: $0) }
        #expect(more.allSatisfy { $0 >= 0 } && more.contains(0))
        func deviation(_ values: [Double]) -> Double {
            let mean = values.reduce(0, +) / 600
            return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 600).squareRoot()
        }
        #expect(abs(deviation(more) / deviation(values.map { plain.score(of: $0) }) - 0.5) < 1e-9)
        var odd = Evidence.all.indices.map { 100 * Double($0) }
        odd[3] += 4
        #expect(surprised.score(of: odd) > plain.score(of: odd) + 1)
        odd[3] -= 8
        odd[4] -= 4
        #expect(surprised.score(of: odd) == plain.score(of: odd))
    }

    @Test("evidence that all images share does no harm")
    func constant() {
        var values = Self.evidence(100, seed: 6)
        for i in values.indices { values[i][4] = 3 }
        let decision = DecisionRecord(split: "validation", values: values)
        #expect(decision.scores.allSatisfy(\.isFinite) && decision.fault(classes: 0) == nil)
        values[0][4] = 4
        #expect(decision.rank(of: values[0])!.count == 1)
    }

    @Test("a record is the same after a file, and one that makes no sense is refused")
    func recordFaults() throws {
        let decision = DecisionRecord(split: "validation", values: Self.evidence(60, seed: 7))
        #expect(try JSONDecoder().decode(DecisionRecord.self, from: JSONEncoder().encode(decision)) == decision)
        #expect(decision.fault(classes: 0) == nil)
        func fault(_ change: (inout DecisionRecord) -> Void) -> String? {
            var changed = decision
            change(&changed)
            return changed.fault(classes: 0)?.field
        }
        #expect(fault { $0.evidence[0] = "unheard_of" } == "evidence")
        #expect(fault { $0.evidence[0] = "complexity" } == "evidence")
        #expect(fault { $0.evidence = [] } == "evidence")
        #expect(decision.alarm.description == "0.05")
        #expect(fault { $0.alarm = AlarmRate("0.01")! } == "alarm")
        #expect(fault { $0.density = DensityOfStates(fitting: [[1], [2]]) } == "density")
        #expect(fault { $0.scores.reverse() } == "scores")
        #expect(fault { $0.scores = [] } == "scores")
        #expect(fault { $0.values[1].reverse() } == "values")
        #expect(fault { $0.values[1].removeLast() } == "values")
    }

    // MARK: - Classes

    /// Evidence of images of three classes: given another class than their own they are odd.
    private static func heldOut(_ count: Int, seed: UInt64) -> [DecisionRecord.HeldOut] {
        evidence(count, seed: seed).enumerated().map { i, values in
            DecisionRecord.HeldOut(values: values, own: (i % 3, values))
        }
    }

    @Test("each class is calibrated by half of its own images, however they are ordered")
    func classes() throws {
        for images in [Self.heldOut(301, seed: 9), Self.heldOut(301, seed: 9).reversed()] {
            let decision = DecisionRecord(split: "validation", images: images, classes: 3)
            #expect(decision.count == 150 && decision.fitted == 151)
            let classes = try #require(decision.classes)
            #expect(classes.map { $0?.count }.allSatisfy { (50...51).contains($0 ?? 0) })
            #expect(classes.allSatisfy { $0?.alarm == AlarmRate("0.05") && $0?.classes == nil })
            #expect(decision.fault(classes: 3) == nil && decision.fault(classes: 2)?.field == "classes")
            #expect(try JSONDecoder().decode(DecisionRecord.self, from: JSONEncoder().encode(decision)) == decision)
        }
        let few = DecisionRecord(split: "validation", images: Self.heldOut(40, seed: 9), classes: 3)
        #expect(few.classes == [nil, nil, nil], "six images of a class calibrate nothing")
        let unlabelled = DecisionRecord(
            split: "validation", images: Self.evidence(40, seed: 9).map { .init(values: $0) }, classes: 3)
        #expect(unlabelled.classes == nil)
    }

    /// Score of an image of a model with three classes, which has a class set.
    static func classSet() -> ImageScore {
        let decision = DecisionRecord(split: "validation", images: heldOut(300, seed: 10), classes: 3)
        let record = FakeDensity(classes: ["a", "b", "c"], decision: decision, isConditional: true).record
        let own = Evidence.all.indices.map { 100 * Double($0) }
        let draw = RowDensity(
            logProb: -3, classLogProbs: [-3, -4, -5], evidence: own, classEvidence: [own, own, own])
        return ImageScore(draws: [draw], record: record)
    }

    @Test("a class has a verdict of its own, and images of none have an empty set")
    func classSets() throws {
        let decision = DecisionRecord(split: "validation", images: Self.heldOut(300, seed: 10), classes: 3)
        var record = FakeDensity(classes: ["a", "b", "c"], decision: decision, isConditional: true).record
        let (own, other) = (
            Evidence.all.indices.map { 100 * Double($0) }, Evidence.all.indices.map { -50 * Double($0) }
        )
        func score(_ parts: [[Double]], classIndex: Int? = nil, alarm: String? = nil) -> ImageScore {
            let draw = RowDensity(
                logProb: -3, classLogProbs: classIndex == nil ? [-3, -4, -5] : [], evidence: own,
                classEvidence: classIndex == nil ? parts : [])
            return ImageScore(
                draws: [draw], classIndex: classIndex, record: record, alarm: alarm.flatMap { AlarmRate($0) })
        }
        let one = score([other, own, other])
        #expect(one.classSet == ["b"] && one.classAlarm == AlarmRate("0.05"), "50 images do not tell at 0.01")
        #expect(score([other, other, other]).classSet == [])
        #expect(score([own, own, own], alarm: "0.1").classSet == ["a", "b", "c"])
        #expect(score([own, own, own], alarm: "0.1").classAlarm == AlarmRate("0.1"))
        let given = score([], classIndex: 2)
        #expect(given.classSet == nil && given.rank?.total == 51 && given.verdict == .typical)
        #expect(given.alarm == AlarmRate("0.05") && one.rank?.total == 151)
        record.decision?.classes?[1] = nil
        #expect(score([own, own, own]).classSet == nil && score([], classIndex: 1).rank == nil)
    }

    // MARK: - Scores

    /// Score of an image with all that a decision says.
    static func decided(
        _ values: [Double]? = nil, detail: ScoreDetail = .evidence, alarm: AlarmRate? = nil, classIndex: Int? = nil
    ) -> ImageScore {
        var record = FakeDensity(decision: DecisionRecord(split: "validation", values: evidence(400, seed: 8))).record
        if classIndex != nil { record.sizes["classes"] = 1 }
        let values = values ?? Evidence.all.indices.map { 100 * Double($0) }
        return ImageScore(
            draws: [RowDensity(logProb: -3, evidence: values)], classIndex: classIndex, record: record, detail: detail,
            alarm: alarm)
    }

    @Test("a score has verdict, rank and reasons, as much as was asked for")
    func scores() throws {
        let typical = Self.decided()
        #expect(typical.verdict == .typical && typical.reasons == [] && typical.evidence?.count == Evidence.all.count)
        var odd = Evidence.all.indices.map { 100 * Double($0) }
        odd[1] -= 50
        odd[5] += 50
        let outlier = Self.decided(odd)
        #expect(outlier.verdict == .outlier && outlier.rank?.count == 1)
        #expect(outlier.reasons?.prefix(2) == [Evidence.all[1].low, Evidence.all[5].high])
        #expect(Self.decided(odd, detail: .verdict).evidence == nil)
        #expect(Self.decided(odd, detail: .none).verdict == nil && Self.decided(odd, detail: .none).rank == nil)
        let strict = Self.decided(odd, alarm: AlarmRate("0.001"))
        #expect(strict.rank != nil && strict.verdict == nil, "200 images do not tell")
        #expect(Self.decided(odd, classIndex: 0).rank == nil, "the calibration is the mixture's")
    }

    @Test("of a combination that is odd though nothing alone is, that is the reason")
    func reasonOfCombination() {
        var values = Evidence.all.indices.map { 100 * Double($0) + 1.5 }
        values[2] -= 3.4
        let score = Self.decided(values)
        #expect(score.verdict == .outlier)
        #expect(score.reasons?.count == 1 && score.reasons?[0].hasPrefix("combines its evidence") == true)
    }
}
