import ArgumentParser
import DensityAPI
import Testing

@testable import tusk

@Suite("Limits on interpolations and completions")
struct LatentArgumentsTests {
    private func parsed(_ arguments: [String]) throws -> APIOptions {
        let latents = try LatentArguments.parse(arguments)
        try latents.check()
        var options = APIOptions(version: "") { _ in }
        latents.apply(to: &options)
        return options
    }

    @Test("what is not given is the API's own default, and each option sets its limit")
    func values() throws {
        let (own, options) = (APIOptions(version: "") { _ in }, try parsed([]))
        #expect(options.maxInterpolationSteps == own.maxInterpolationSteps)
        #expect(options.maxCompletionParticles == own.maxCompletionParticles)
        #expect(options.maxCompletionMoves == own.maxCompletionMoves)
        let set = try parsed([
            "--max-interpolation-steps", "2", "--max-completion-particles", "3", "--max-completion-moves", "4",
        ])
        #expect(set.maxInterpolationSteps == 2 && set.maxCompletionParticles == 3 && set.maxCompletionMoves == 4)
    }

    @Test(
        "each has a range",
        arguments: [
            ("--max-interpolation-steps", 2, 65_536), ("--max-completion-particles", 1, 64),
            ("--max-completion-moves", 1, 1_000_000),
        ])
    func ranges(_ option: String, least: Int, most: Int) throws {
        for value in [least, most] { _ = try parsed([option, "\(value)"]) }
        for value in [least - 1, most + 1] {
            #expect(throws: CommandError.self) { try parsed([option, "\(value)"]) }
        }
    }
}
