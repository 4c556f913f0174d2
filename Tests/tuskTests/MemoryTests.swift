import Testing

@Suite("Memory of a training")
struct MemoryTests {
    @Test("a training that needs more than there may be is refused before it starts, one that fits is not")
    func limit() throws {
        let work = try Workplace()
        let large = CommandTests.train(work, "--epochs", "1", "--hidden", "2048,2048")
        let refused = try Program.run(large + ["--max-memory", "100"])
        #expect(refused.code == 1 && refused.errors.contains("--max-memory is 100"), "\(refused.errors)")
        #expect(refused.errors.contains("Only fewer --layers or a smaller --hidden needs less, whatever the batch"))
        #expect(!refused.errors.contains("--accumulate") && !work.exists("m.checkpoint"))
        let program = try Program.run(CommandTests.train(work, "--epochs", "1", "--max-memory", "1"))
        #expect(program.code == 1 && program.errors.contains("--max-memory is 1."), "\(program.errors)")
        let small = try Program.run(CommandTests.train(work, "--epochs", "1", "--max-memory", "100"))
        #expect(small.code == 0, "\(small.errors)")
        #expect(small.output.contains("for the program and the images"))
        #expect(small.output.contains("for the activations of a step"))
        let wrong = try Program.run(CommandTests.train(work, "--max-memory", "0"))
        #expect(wrong.code == 1 && wrong.errors.contains("--max-memory is 0"), "\(wrong.errors)")
    }

    /// Numbers of the memory line, MiB: all, program and images, weights, activations.
    private func memory(_ output: String) throws -> [Int] {
        let line = try #require(output.split(separator: "\n").first { $0.contains("MiB: ") })
        let numbers = line.replacing(",", with: "").split { !$0.isNumber }.compactMap { Int($0) }
        try #require(numbers.count >= 4, "\(line)")
        return Array(numbers.prefix(4))
    }

    @Test("the parts add up, and what is advised fits in the memory that there is")
    func advice() throws {
        let work = try Workplace(side: 16)
        // one step's activations are most of it
        var training = CommandTests.train(work, "--epochs", "1", "--batch", "60", "--layers", "8", "--hidden", "48,48")
        training[4] = "glow"
        training += ["--scales", "1", "--threads", "1"]
        let first = try Program.run(training)
        let whole = try memory(first.output)
        #expect(whole[0] == whole[1...].reduce(0, +) && whole[3] > 16, "\(whole)")
        #expect(first.output.contains("for the activations of a step"))
        // what a process has before it begins may differ by a little
        let limit = ["--max-memory", "\(whole[0] - whole[3] / 2 + 3)"]
        let refused = try Program.run(training + limit + ["--overwrite"])
        #expect(refused.code == 1, "\(refused.output)")
        let advice = try #require(
            refused.errors.firstMatch(of: /(--accumulate) (\d+), or (--reversible), needs no more/))
        for way in [["\(advice.1)", "\(advice.2)"], ["\(advice.3)"]] {
            let trained = try Program.run(training + limit + way + ["--overwrite"])
            #expect(trained.code == 0, "\(way): \(trained.errors)")
            let parts = try memory(trained.output)
            #expect(parts[0] == parts[1...].reduce(0, +))
        }
    }

    @Test("groups of the learning rate are read, and refused where they make no sense")
    func groups() throws {
        let work = try Workplace()
        let trained = try Program.run(
            CommandTests.train(work, "--epochs", "1", "--learning-rate-of", "biases=2"))
        #expect(trained.code == 0 && trained.output.contains("learning rate of biases times 2.0"), "\(trained.errors)")
        for (group, message) in [("biases", "biases"), ("=2", "=2"), ("nothing=2", "standardize.shift")] {
            let refused = try Program.run(CommandTests.train(work, "--learning-rate-of", group, "--overwrite"))
            #expect(refused.code != 0 && refused.errors.contains(message), "\(refused.errors)")
        }
    }
}
