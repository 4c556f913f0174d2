import FlowModels
import FoundationEssentials
import Testing

@Suite("Curve and evaluation of a record")
struct RecordLimitTests {
    private func written(_ change: (inout ModelRecord) -> Void) throws -> DensityModel {
        let model = try tinyModel(NICEFlow.self)
        var record = model.record
        record.check.logProb = try model.densities(
            of: [DensityRow(pixels: record.check.pixels)], isCancelled: { false })[0].logProb
        change(&record)
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ModelFile.write(DensityModel(flow: model.flow, record: record), to: path, precision: .float32)
        return try ModelFile.load(path: path)
    }

    private func training(points: Int) -> TrainingRecord {
        TrainingRecord(
            dataHash: "", split: "train", images: 1, horizontalFlips: false, seed: 0, epochs: 1, bestEpoch: 1,
            batch: 1, wallSeconds: 1,
            curve: (0..<points).map {
                TrainingCurvePoint(
                    seconds: Double($0), epochs: Double($0), trainBitsPerDim: 2, validationBitsPerDim: 3)
            })
    }

    private func evaluation(alarm: Double = 0.1, area: Double = 0.9, sets: Int = 1, count: Int = 5) -> EvaluationRecord
    {
        EvaluationRecord(
            split: "test", count: count, bitsPerDim: 1, bitsPerDimStandardError: nil,
            flagged: [EvaluationRecord.Flagged(alarm: alarm, fraction: 0.5)],
            outliers: (0..<sets).map {
                EvaluationRecord.Outliers(name: "\($0)", count: 2, areaUnderROC: area, caught: nil)
            })
    }

    @Test("come back as they were written, up to their limits")
    func kept() throws {
        let most = [TrainingCurvePoint].mostPoints
        let record = try written {
            $0.training = training(points: most)
            $0.evaluation = evaluation(sets: EvaluationRecord.mostRows)
        }.record
        #expect(record.training?.curve?.count == most)
        #expect(record.evaluation == evaluation(sets: EvaluationRecord.mostRows))
    }

    @Test("beyond them a file is refused with the field")
    func refused() throws {
        let most = [TrainingCurvePoint].mostPoints
        #expect(
            throws: ModelFileError.badRecord(
                field: "training.curve", reason: "has \(most + 1) points, more than \(most)")
        ) { try written { $0.training = training(points: most + 1) } }
        for (wrong, field) in [
            (evaluation(alarm: 1.5), "flagged"), (evaluation(area: -0.1), "outliers"), (evaluation(count: 0), "count"),
            (evaluation(sets: EvaluationRecord.mostRows + 1), "outliers"),
        ] {
            let error = #expect(throws: ModelFileError.self) { try written { $0.evaluation = wrong } }
            guard case .badRecord(let found, _)? = error else {
                Issue.record("\(field): \(String(describing: error))")
                continue
            }
            #expect(found == "evaluation.\(field)")
        }
    }

    @Test("a curve keeps its ends when it is thinned")
    func thinned() throws {
        let points = try #require(training(points: 1000).curve)
        let thinned = points.thinned
        #expect(thinned.count == [TrainingCurvePoint].mostPoints)
        #expect(thinned.first == points.first && thinned.last == points.last)
        #expect(zip(thinned, thinned.dropFirst()).allSatisfy { $0.epochs < $1.epochs })
        #expect(Array(points.prefix(7)).thinned == Array(points.prefix(7)))
    }
}
