import FlowModels
import Foundation
import Testing

@Suite("Time of a training")
struct TrainingTimeTests {
    @Test("is estimated beforehand; why it stopped and, resumed, what is left are said")
    func words() throws {
        let work = try Workplace()
        let trained = try Program.run(CommandTests.train(work, "--epochs", "2"))
        #expect(trained.code == 0, "\(trained.errors)")
        let lines = trained.output.split(separator: "\n")
        let time = try #require(lines.firstIndex { $0.hasPrefix("time        about ") })
        #expect(lines[time].contains(": a step ") && lines[time].contains(", a validation "))
        #expect(lines[(time + 1)...].contains { $0.hasPrefix("epoch 2/2  train") })
        #expect(lines.contains("stopped: all 2 epochs are done"))

        let more = try Program.run(CommandTests.train(work, "--epochs", "5", "--resume"))
        #expect(
            more.output.contains(/resumed     after 2 epochs, 6 steps, \d:\d\d; 3 epochs are left\n/), "\(more.output)")
        let none = try Program.run(CommandTests.train(work, "--epochs", "5", "--resume"))
        #expect(
            none.output.contains("; no epoch is left\n") && none.output.contains("stopped: all 5 epochs are done\n"))
        #expect(!none.output.contains("time   "))
        let limited = try Program.run(
            CommandTests.train(work, "--epochs", "7", "--resume", "--seconds", "3600"))
        #expect(limited.output.contains(/; 2 epochs are left, at most (1:00:00|59:\d\d)\n/), "\(limited.output)")
    }

    @Test("ends it where --seconds says, with a model, also where a validation would take longer")
    func limit() throws {
        let work = try Workplace()
        let endless = ["--epochs", "1000000", "--patience", "0"]
        let trained = try Program.run(CommandTests.train(work, "--seconds", "0.5") + endless)
        #expect(
            trained.code == 0 && trained.output.contains("stopped: the time is up (--seconds)\n"), "\(trained.errors)")
        #expect(
            trained.output.contains(/time        0\.50 s, (enough for about [0-9.,]+ epochs|less than an epoch takes):/)
        )
        #expect(try ModelFile.load(path: work.file("m.safetensors")).record.heldOut != nil)
        let again = try Program.run(CommandTests.train(work, "--seconds", "0.5", "--resume") + endless)
        #expect(again.code == 0 && again.output.contains("stopped: the time is up (--seconds)\n"), "\(again.errors)")
    }

    @Test("ends with a word when the validation no longer falls, unless --patience is 0")
    func patience() throws {
        // a rate that moves no weight
        let still = ["--epochs", "40", "--learning-rate", "1e-12", "--ema", "0"]
        for (more, reason) in [
            (["--patience", "2"], "no better validation for 2 epochs (--patience)"),
            ([], "no better validation for 30 epochs (--patience)"), (["--patience", "0"], "all 40 epochs are done"),
        ] {
            let work = try Workplace()
            let trained = try Program.run(CommandTests.train(work) + still + more)
            #expect(trained.code == 0 && trained.output.contains("stopped: \(reason)\n"), "\(trained.output)")
        }
    }
}
