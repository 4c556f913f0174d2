import FlowCore
import FlowModels
import Foundation
import Testing

@Suite("Training without an architecture")
struct TrainChoiceTests {
    private func train(_ work: Workplace, _ more: String...) throws -> Program.Result {
        try Program.run(
            ["train", "--data", work.path, "--output", work.file("m.safetensors"), "--name", "m", "--threads", "1"]
                + more)
    }

    @Test("what is chosen is said, is trained, and can be gone on with in another time and with other threads")
    func chosen() throws {
        let work = try Workplace(side: 8)
        let trained = try train(work, "--epochs", "2")
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(trained.output.contains("choice      mixture-convolutional: every pixel is predicted"))
        #expect(trained.output.contains("model       mixture-convolutional, 1 layers of [16, 16]"))
        #expect(trained.output.contains("at most 10:00, 1 threads"))
        #expect(trained.output.contains("epoch 2/2"))
        let record = try ModelFile.load(path: work.file("m.safetensors")).record
        #expect(record.sizes["predictor"] == 5 && record.logitAlpha == 0.05)
        let resumed = try train(work, "--epochs", "3", "--resume", "--seconds", "5000", "--threads", "3")
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("after 2 epochs") && !resumed.output.contains("choice "))
    }

    @Test("what is said counts over what is chosen")
    func said() throws {
        let work = try Workplace(side: 8)
        let trained = try train(
            work, "--epochs", "1", "--hidden", "32", "--alpha", "1e-3", "--batch", "7", "--components", "3",
            "--conditional")
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(trained.output.contains("1 layers of [32]") && trained.output.contains("mixtures of 3 components"))
        #expect(trained.output.contains("1 epochs of 9 steps"))
        let record = try ModelFile.load(path: work.file("m.safetensors")).record
        #expect(record.logitAlpha == 1e-3 && record.sizes.classes == 2)
        let refused = try train(work, "--overwrite", "--bins", "8")
        #expect(refused.code == 1 && refused.errors.contains("--bins is of"))
    }
}
