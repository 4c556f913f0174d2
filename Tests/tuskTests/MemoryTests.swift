import Testing

@Suite("Memory of a training")
struct MemoryTests {
    @Test("a training that needs more than there may be is refused before it starts, one that fits is not")
    func limit() throws {
        let work = try Workplace()
        let large = CommandTests.train(work, "--epochs", "1", "--hidden", "2048,2048")
        let refused = try Program.run(large + ["--max-memory", "100"])
        #expect(refused.code == 1 && refused.errors.contains("--max-memory is 100"), "\(refused.errors)")
        #expect(refused.errors.contains("--accumulate") && !work.exists("m.checkpoint"))
        let program = try Program.run(CommandTests.train(work, "--epochs", "1", "--max-memory", "1"))
        #expect(program.code == 1 && program.errors.contains("--max-memory is 1."), "\(program.errors)")
        let small = try Program.run(CommandTests.train(work, "--epochs", "1", "--max-memory", "100"))
        #expect(small.code == 0, "\(small.errors)")
        #expect(small.output.contains("for the program and the images"))
        #expect(small.output.contains("for the activations of a step"))
        let wrong = try Program.run(CommandTests.train(work, "--max-memory", "0"))
        #expect(wrong.code == 1 && wrong.errors.contains("--max-memory is 0"), "\(wrong.errors)")
    }

    @Test("groups of the learning rate are read, and refused where they make no sense")
    func groups() throws {
        let work = try Workplace()
        let trained = try Program.run(
            CommandTests.train(work, "--epochs", "1", "--learning-rate-of", "biases=2"))
        #expect(trained.code == 0 && trained.output.contains("learning rate of biases times 2.0"), "\(trained.errors)")
        for (group, message) in [("biases", "biases"), ("=2", "=2"), ("nothing=2", "standardize.shift")] {
            let refused = try Program.run(CommandTests.train(work, "--learning-rate-of", group))
            #expect(refused.code != 0 && refused.errors.contains(message), "\(refused.errors)")
        }
    }
}
