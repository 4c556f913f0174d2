import DataSets
import FlowCore
import FlowModels
import FlowTraining
import TestSupport
import Testing

@Suite("Outliers")
struct OutlierTests {
    @Test("the area under the curve counts pairs, ties by half")
    func areas() {
        #expect(areaUnderROC(positives: [3, 4], negatives: [1, 2]) == 1)
        #expect(areaUnderROC(positives: [1, 2], negatives: [3, 4]) == 0)
        #expect(areaUnderROC(positives: [1, 2], negatives: [1, 2]) == 0.5)
        #expect(areaUnderROC(positives: [2, .infinity], negatives: [1, 2, 2, 3]) == 6.0 / 8)
        var stream = RandomStream(seed: 1, stream: 0)
        let a = (0..<50).map { _ in Int.random(in: 0...9, using: &stream) }
        let b = (0..<70).map { _ in Int.random(in: 0...9, using: &stream) }
        var pairs = 0.0
        for x in a { for y in b { pairs += x > y ? 1 : x == y ? 0.5 : 0 } }
        let area = areaUnderROC(positives: a.map(Double.init), negatives: b.map(Double.init))
        #expect(abs(area - pairs / 3500) < 1e-12)
    }

    @Test("the test of uniformity has the critical values of Stephens's table")
    func uniformity() {
        let even = (0..<100).map { (Double($0) + 0.5) / 100 }
        #expect(abs(UniformityTest(of: even).distance - 0.005) < 1e-12 && UniformityTest(of: even).pValue == 1)
        for (critical, p) in [(1.138, 0.15), (1.224, 0.1), (1.358, 0.05), (1.48, 0.025), (1.628, 0.01)] {
            let distance = critical / (10 + 0.12 + 0.11 / 10)
            let found = UniformityTest(of: (0..<100).map { min(1, Double($0) / 100 + distance) }.shuffled())
            #expect(abs(found.distance - distance) < 1e-12 && found.count == 100)
            #expect(abs(found.pValue - p) < 0.001, "\(critical): \(found.pValue)")
        }
        #expect(UniformityTest(of: even.map { $0 * $0 }).pValue < 1e-4)
        // Ranks among one calibration set are not independent: their test is that of two samples.
        var random = RandomStream(seed: 4, stream: 0)
        let rejections = (0..<200).count { _ in
            let sorted = (0..<60).map { _ in Double(random.uniform()) }.sorted()
            let values = (0..<600).map { _ in
                let x = Double(random.uniform())
                return Double(1 + sorted.count { $0 >= x }) / 61
            }
            return UniformityTest(of: values, calibrating: 60).pValue < 0.05
        }
        #expect(rejections < 25, "\(rejections) of 200 at 0.05")
    }

    @Test("made outliers keep the size, and are what they say", arguments: MadeOutliers.allCases)
    func made(kind: MadeOutliers) throws {
        let shape = EventShape(height: 8, width: 8, channels: 3)
        let pixels = (0..<2 * shape.dims).map { UInt8($0 * 7 % 200) }
        let data = ImageDataSet(shape: shape, levels: 200, pixels: pixels)
        let made = try kind.outliers(of: data, seed: 1)
        let found = try #require(made)
        #expect(found.shape == shape && found.count == 2 && found.levels == 200 && found.pixels.allSatisfy { $0 < 200 })
        let again = try kind.outliers(of: data, seed: 1)
        #expect(found.pixels == again?.pixels && found.pixels != pixels)
        let (image, other) = (try data[0], try found[0])
        switch kind {
        case .upsideDown, .turned, .rolled, .shuffled: #expect(other.sorted() == image.sorted())
        case .inverted: #expect(other.map { 199 - $0 } == image)
        case .constant: #expect(Set(other).count == 1)
        case .noise: #expect(Set(other).count > 50)
        case .blurred:
            let flat = ImageDataSet(shape: shape, levels: 200, pixels: Array(repeating: 9, count: shape.dims))
            #expect(try kind.outliers(of: flat, seed: 1)?.pixels == flat.pixels)
        case .joined: #expect(other[0] == image[0] && other[7 * 3] == pixels[shape.dims + 7 * 3])
        }
        let back: [UInt8]? =
            switch kind {
            case .upsideDown: try kind.outliers(of: found, seed: 1)?.pixels
            case .turned:
                try kind.outliers(of: found, seed: 1).flatMap { try kind.outliers(of: $0, seed: 1) }
                    .flatMap { try kind.outliers(of: $0, seed: 1) }?.pixels
            default: pixels
            }
        #expect(back == pixels)
    }

    @Test("an oblong is not turned")
    func oblong() throws {
        let data = ImageDataSet(
            shape: EventShape(height: 2, width: 3, channels: 1), levels: 256, pixels: [1, 2, 3, 4, 5, 6])
        #expect(try MadeOutliers.turned.outliers(of: data, seed: 0) == nil)
        #expect(try MadeOutliers.shuffled.outliers(of: data, seed: 0) == nil)
        #expect(try MadeOutliers.upsideDown.outliers(of: data, seed: 0)?.pixels == [4, 5, 6, 1, 2, 3])
    }

    // MARK: - Decisions by images

    /// Images of two pixels as the pairs' model learns them, and others.
    private static func decided(_ count: Int) throws -> (DensityModel, ImageDataSet) {
        let model = try EvaluationTests.trained(.float32)
        var record = model.record
        record.decision = try DecisionRecord(
            of: PairImages.set(count: count, seed: 5), split: "validation", under: model, threads: 2)
        return (try DensityModel(flow: model.flow, record: record), PairImages.set(count: 300, seed: 6))
    }

    @Test("noise is told from images like the learned ones, and those give uniform p-values")
    func evaluation() throws {
        let (model, data) = try Self.decided(400)
        let made = try MadeOutliers.noise.outliers(of: data, seed: 1)
        let noise = try #require(made)
        let found = try OutlierEvaluation(
            of: data, outliers: [("noise", noise), ("more", PairImages.set(count: 300, seed: 7))], under: model,
            threads: 2)
        #expect(found.count == 300 && found.outliers.map(\.name) == ["noise", "more"])
        #expect(found.uniformity.pValue > 0.001, "\(found.uniformity)")
        #expect(found.outliers[0].decision.areaUnderROC > 0.7, "\(found.outliers[0].decision)")
        #expect(abs(found.outliers[1].decision.areaUnderROC - 0.5) < 0.12)
        #expect(Set(found.outliers[0].evidence.keys) == Set(try #require(model.record.decision).evidence))
        #expect(found.falseAlarmsAt1Percent ?? 1 < 0.05)
    }

    @Test("a training stores what verdicts need; few images give a rate that they allow")
    func trained() throws {
        let decision = try #require(try EvaluationTests.trained(.float32).record.decision)
        #expect(decision.split == "validation" && decision.count + decision.fitted <= 2 * DecisionRecord.mostImages)
        #expect(decision.alarm.leastImages <= decision.count)
    }

    @Test("too few images, and a rate that they do not allow, are refused")
    func refusals() throws {
        let model = try EvaluationTests.trained(.float32)
        #expect(throws: TrainingError.tooFewImages(split: "validation", count: 19, least: 20)) {
            try DecisionRecord(of: PairImages.set(count: 19, seed: 1), split: "validation", under: model, threads: 1)
        }
        let rate = try #require(AlarmRate("0.01"))
        #expect(throws: TrainingError.self) {
            try DecisionRecord(
                of: PairImages.set(count: 100, seed: 1), split: "validation", under: model, alarm: rate, threads: 1)
        }
        _ = try DecisionRecord(
            of: PairImages.set(count: 198, seed: 1), split: "validation", under: model, alarm: rate, threads: 1)
        #expect(throws: TrainingError.self, "a model without a decision") {
            var record = model.record
            record.decision = nil
            let bare = try DensityModel(flow: model.flow, record: record)
            _ = try OutlierEvaluation(of: PairImages.set(count: 20, seed: 1), outliers: [], under: bare, threads: 1)
        }
    }
}
