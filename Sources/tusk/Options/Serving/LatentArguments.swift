import ArgumentParser
import DensityAPI
import FlowModels

private let apiDefaults = APIOptions(version: "") { _ in }

/// Options that limit what interpolations and completions may cost; defaults as in ``APIOptions``.
struct LatentArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Images of one /interpolate request; 422.", valueName: "n"))
    var maxInterpolationSteps = apiDefaults.maxInterpolationSteps

    @Option(
        help: ArgumentHelp(
            "Particles of one /complete request, of a flow that has an order of dimensions; 422.", valueName: "n"))
    var maxCompletionParticles = apiDefaults.maxCompletionParticles

    @Option(
        help: ArgumentHelp("Moves of one /complete request, of a flow that has no such order; 422.", valueName: "n"))
    var maxCompletionMoves = apiDefaults.maxCompletionMoves

    func check() throws {
        try tusk.check("--max-interpolation-steps", maxInterpolationSteps, in: 2...65_536)
        try tusk.check("--max-completion-particles", maxCompletionParticles, in: 1...CompletionRow.mostParticles)
        try tusk.check("--max-completion-moves", maxCompletionMoves, in: 1...1_000_000)
    }

    func apply(to options: inout APIOptions) {
        options.maxInterpolationSteps = maxInterpolationSteps
        options.maxCompletionParticles = maxCompletionParticles
        options.maxCompletionMoves = maxCompletionMoves
    }
}
