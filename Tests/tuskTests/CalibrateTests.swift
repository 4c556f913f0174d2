import FlowModels
import FlowTraining
import Foundation
import Testing

@Suite("tusk calibrate", .timeLimit(.minutes(15)))
struct CalibrateTests {
    @Test("gives a model verdicts, leaves its weights, and replaces nothing unasked")
    func calibrates() throws {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "1"))
        #expect(trained.code == 0, "\(trained.errors)")
        let (before, after) = (work.file("m.safetensors"), work.file("c.safetensors"))
        let command = ["calibrate", "--model", before, "--data", work.path, "--output", after]
        let made = try Program.run(command + ["--split", "train", "--alarm", "0.05"])
        #expect(made.code == 0, "\(made.errors)")
        #expect(
            made.output
                == "\(after): 30 images calibrate, 30 were fitted to; rates of false alarms from 1/31 on, 0.05 by itself\n"
        )
        let (old, new) = (try ModelFile.load(path: before), try ModelFile.load(path: after))
        #expect(new.record.decision?.split == "train" && old.record.decision?.split == "validation")
        var same = old.record
        same.decision = new.record.decision
        #expect(new.record == same)
        let row = DensityRow(pixels: old.record.check.pixels)
        #expect(
            try old.logDensities(of: [row], isCancelled: { false })
                == new.logDensities(of: [row], isCancelled: { false }))

        let again = try Program.run(command)
        #expect(again.code != 0 && again.errors.contains("would be replaced; --overwrite does so"))
        #expect(try ModelFile.load(path: after).record == new.record)
        #expect(try Program.run(command + ["--overwrite"]).code == 0)
        #expect(try ModelFile.load(path: after).record.decision?.alarm.description == "0.1")
        for (rate, complaint) in [
            ("0.01", "alarm is 0.01; it must be at least 1/11"), ("2", "--alarm is 2; it must be"),
        ] {
            let refused = try Program.run(command + ["--overwrite", "--alarm", rate])
            #expect(refused.code != 0 && refused.errors.contains(complaint), "\(refused.errors)")
        }
        let kinds = try #require(new.record.decision).evidence
        #expect(kinds.contains("background_ratio") && new.record.background != nil)
        let inspected = try Program.run(["inspect", after])
        #expect(
            inspected.output.contains(
                "verdicts      by \(kinds.count) kinds of evidence, 10 images (validation)"))
    }

    @Test("evaluate --outliers tells how well a model's verdicts tell others")
    func outliers() throws {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "2"))
        #expect(trained.code == 0, "\(trained.errors)")
        let evaluate = ["evaluate", "--model", work.file("m.safetensors"), "--data", work.path, "--split", "test"]
        let other = try Workplace()
        let found = try Program.run(evaluate + ["--outliers", "made", "--outliers", other.path, "--json"])
        #expect(found.code == 0, "\(found.errors)")
        let outliers = try #require(try JSONDecoder().decode(Evaluation.self, from: Data(found.output.utf8)).outliers)
        #expect(outliers.count == 20 && outliers.outliers.count == MadeOutliers.allCases.count + 1)
        let noise = try #require(outliers.outliers.first { $0.name == "noise" })
        #expect(noise.decision.areaUnderROC > 0.9 && noise.count == 20)
        #expect(noise.decision.at1Percent == nil, "10 images do not tell at 1 %")
        let text = try Program.run(evaluate + ["--outliers", "made"])
        #expect(text.output.contains("told at 1 %") && text.output.contains("\nupside_down "))

        let output = work.file("evaluated.safetensors")
        let kept = try Program.run(evaluate + ["--outliers", "made", "--output", output])
        #expect(kept.code == 0 && kept.output == text.output, "\(kept.errors)")
        let (before, after) = (
            try ModelFile.load(path: work.file("m.safetensors")).record, try ModelFile.load(path: output).record
        )
        let evaluation = try #require(after.evaluation)
        #expect(before.evaluation == nil && evaluation.split == "test" && evaluation.count == 20)
        #expect(evaluation.outliers.map(\.name) == MadeOutliers.allCases.map(\.rawValue))
        #expect(evaluation.outliers.first { $0.name == "noise" }?.areaUnderROC == noise.decision.areaUnderROC)
        // ten images calibrate: the least rate is 1/11
        #expect(evaluation.flagged.map(\.alarm) == [0.1, 0.15, 0.2, 0.3, 0.4, 0.5])
        #expect(zip(evaluation.flagged, evaluation.flagged.dropFirst()).allSatisfy { $0.fraction <= $1.fraction })
        var same = after
        same.evaluation = nil
        #expect(same == before && before.training?.curve?.count == 2)
        let again = try Program.run(evaluate + ["--output", output])
        #expect(again.code != 0 && again.errors.contains("would be replaced; --overwrite does so"))
    }
}
