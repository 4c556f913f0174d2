import DataSets
import FlowCore
import FlowModels
import FlowTraining
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("Evaluation")
struct EvaluationTests {
    static func trained(_ precision: TensorPrecision) throws -> DensityModel {
        let trainer = try pairTrainer(TrainerTests.options(epochs: 3))
        _ = try trainer.run()
        return try trainer.model(
            name: "pairs", classes: ["pair"], trainSplit: "train", validationSplit: "validation",
            precision: precision)
    }

    @Test("gives mean and standard error as computed by hand")
    func standardError() throws {
        let record = try Self.trained(.float32).record
        let evaluation = Evaluation(model: record, split: "test", draws: 1, logProbs: [1, 2, 6])
        #expect(evaluation.logProb == 3)
        // variance (4 + 1 + 9)/2, over 3 images
        let error = try #require(evaluation.logProbStandardError)
        #expect(abs(error - (7.0 / 3).squareRoot()) < 1e-12)
        #expect(abs(evaluation.bitsPerDim - (8 - 3 / (2 * M_LN2))) < 1e-12)
        let errorInBits = try #require(evaluation.bitsPerDimStandardError)
        #expect(abs(errorInBits - (7.0 / 3).squareRoot() / (2 * M_LN2)) < 1e-12)
        // one value says nothing about the spread, neither of one image nor of several copies of it
        for values in [[5], [5, 5, 5]] as [[Double]] {
            let one = Evaluation(model: record, split: "test", draws: 1, logProbs: values)
            #expect(one.logProbStandardError == nil && one.bitsPerDimStandardError == nil)
            let text = String(decoding: try JSONEncoder().encode(one), as: UTF8.self)
            #expect(text.contains("\"log_prob_standard_error\":null"))
        }
    }

    @Test("more draws tighten the bound; threads do not change a bit")
    func draws() throws {
        let model = try Self.trained(.float32)
        let data = PairImages.set(count: 70, seed: 3)
        let one = try logDensities(of: data, under: model, threads: 1)
        #expect(try logDensities(of: data, under: model, threads: 3) == one)
        let many = try logDensities(of: data, under: model, draws: 16, threads: 2)
        #expect(many.reduce(0, +) > one.reduce(0, +))
        // one draw is the first of them
        let both = try logDensities(of: data, under: model, draws: 2, threads: 1)
        let second = try model.logDensities(
            of: try (0..<70).map { DensityRow(pixels: try data[$0], draw: 1) }, isCancelled: { false })
        for i in 0..<70 { #expect(abs(both[i] - (logSumExp([one[i], second[i]]) - log(2))) < 1e-9) }
    }

    @Test("each image's score is of its own draws, and in its place")
    func scores() throws {
        let model = FakeDensity(classes: ["a", "b"], isConditional: true)
        let count = 41  // more than a task's rows, and no multiple of them
        let data = ImageDataSet(
            shape: model.record.eventShape, levels: 256, pixels: (0..<count).flatMap { [UInt8(5 * $0), 1, 2, 3, 4, 5] })
        let scores = try mapScores(of: data, under: model, draws: 3, threads: 2) { $0 }
        #expect(scores.count == count)
        for (i, score) in scores.enumerated() {
            #expect(score.record == model.record && score.draws.count == 3 && score.classIndex == nil)
            for (draw, density) in score.draws.enumerated() {
                let expected = FakeDensity.logDensity(try data[i], draw: UInt32(draw))
                #expect(density.classLogProbs == [expected, expected - 1])
            }
        }
        #expect(try logDensities(of: data, under: model, draws: 3, threads: 1) == scores.map(\.logProb))
        let first = try Evaluation(of: data.limited(to: 1), split: "test", under: model, draws: 3, threads: 1)
        #expect(first.logProb == scores[0].logProb && first.bitsPerDim == scores[0].bitsPerDim)
        #expect(first.accuracy == nil && first.draws == 3)
        let labelled = ImageDataSet(
            shape: data.shape, levels: 256, pixels: data.pixels, labels: (0..<count).map { $0 < 30 ? 0 : 1 },
            classes: ["a", "b"])
        // class 0 is a nat more probable for every image
        #expect(try Evaluation(of: labelled, split: "test", under: model, threads: 1).accuracy == 30.0 / 41)
    }

    @Test("images that the model does not know are refused")
    func mismatch() throws {
        let model = try Self.trained(.float32)
        let wide = ImageDataSet(shape: EventShape(height: 1, width: 3, channels: 1), levels: 256, pixels: [1, 2, 3])
        let coarse = ImageDataSet(shape: PairImages.shape, levels: 16, pixels: [1, 2])
        for data in [wide, coarse] {
            #expect(throws: TrainingError.self) { _ = try logDensities(of: data, under: model, threads: 1) }
        }
        for draws in [0, 100_001] {
            #expect(throws: TrainingError.self) {
                _ = try logDensities(
                    of: PairImages.set(count: 1, seed: 1), under: model, draws: draws, threads: 1)
            }
        }
    }

    @Test("a trained model's file verifies and answers what its record says", arguments: TensorPrecision.allCases)
    func file(_ precision: TensorPrecision) throws {
        let folder = try TemporaryFolder()
        let model = try Self.trained(precision)
        try ModelFile.write(model, to: folder.file("m.safetensors"), precision: precision)
        let loaded = try ModelFile.load(path: folder.file("m.safetensors"))
        #expect(loaded.record == model.record)
        let record = loaded.record
        #expect(record.training?.images == 200)
        #expect(record.training?.epochs == 3)
        let held = PairImages.set(count: 100, seed: 2)
        let logProbs = try logDensities(of: held, under: loaded, threads: 1)
        #expect(record.check.logProb == logProbs[0])
        #expect(record.calibration == Calibration(split: "validation", logProbs: logProbs))
        let evaluation = Evaluation(model: record, split: "validation", draws: 1, logProbs: logProbs)
        #expect(record.heldOut?.bitsPerDim == evaluation.bitsPerDim)
    }

    @Test("a model needs a validation first")
    func tooEarly() throws {
        let trainer = try pairTrainer(TrainerTests.options(epochs: 3))
        #expect(throws: TrainingError.self) {
            _ = try trainer.model(
                name: "pairs", classes: [], trainSplit: "train", validationSplit: "validation", precision: .float32)
        }
    }

    @Test("the curve's CSV has a line an epoch, its plot the title's size")
    func curve() throws {
        let trainer = try pairTrainer(TrainerTests.options(epochs: 2))
        _ = try trainer.run()
        let lines = curveCSV(trainer.progress.curve, goal: trainer.goal).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0] == "epoch,step,train_bits_per_dim,validation_bits_per_dim,learning_rate,seconds")
        let fields = lines[2].split(separator: ",").map { Double($0) }
        let point = trainer.progress.curve[1]
        let expected = [point.trainBitsPerDim, point.validationBitsPerDim, point.learningRate, point.seconds]
        #expect(fields == [2, 14] + expected)
        let plot = curvePlot(trainer.progress.curve, title: "pairs", goal: trainer.goal)
        #expect(plot.pixels.contains { $0 != 255 })
    }
}
