public import ArgumentParser
import FlowCore
import FlowKernels
import FlowModels
public import FlowTraining
import FoundationEssentials
import Glibc
import Imaging
import System

extension FormulaDensity: ExpressibleByArgument {}

struct Fit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fits a flow to a density of two dimensions that is given as a formula, without data.",
        discussion: """
            It lowers the reverse Kullback-Leibler divergence by samples of the flow, and then draws --samples more and says \
            how good they are: a lower bound of ln Z, Z being the integral of the formula; ln Z by importance weights; and the \
            effective sample size. FILE.png shows the formula's density beside the learned one.
            """)

    @Option(help: "The formula: docs/guide/flows.md.")
    var target: FormulaDensity

    @Option(help: ArgumentHelp("A flow of vectors: \(Self.architectures.joined(separator: ", ")).", valueName: "name"))
    var architecture = "iaf"

    @OptionGroup var sizes: SizeArguments<FittedSizes>

    @Option(help: "Steps of the fit.")
    var steps = FormulaFitOptions().steps

    @Option(help: "Samples a step.")
    var batch = FormulaFitOptions().batch

    @Option(help: "Keys the samples and the initial weights.")
    var seed = FormulaFitOptions().seed

    @Option(help: ArgumentHelp("Peak learning rate of Adam.", valueName: "rate"))
    var learningRate = FormulaFitOptions().learningRate

    @Option(help: ArgumentHelp("Steps to the peak learning rate.", valueName: "n"))
    var warmupSteps = FormulaFitOptions().warmupSteps

    @Option(help: ArgumentHelp("Largest norm of the gradient, nats per dimension; 0: any.", valueName: "norm"))
    var clip = FormulaFitOptions().clipNorm

    @Option(help: ArgumentHelp("Decay of the moving average of the weights, per step; 0: none.", valueName: "decay"))
    var ema = FormulaFitOptions().averageDecay

    @Option(
        help: ArgumentHelp("Share of the steps over which the density sharpens to what it is.", valueName: "share"))
    var anneal = FormulaFitOptions().annealing

    @Option(help: ArgumentHelp("Samples that the result is judged by.", valueName: "n"))
    var samples = 100_000

    @Option(help: ArgumentHelp("Picture to write, ending in .png; without it none.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Threads; never change the result.", valueName: "n"))
    var threads = 1

    @Flag(help: "Print one JSON object.")
    var json = false

    /// Report that `tusk fit --json` prints.
    struct Report: Codable {
        var target: String
        var architecture: String
        var steps: Int
        var weights: ImportanceWeights
    }

    /// Names of the architectures whose sampling direction can be trained and that ask nothing of an image's shape.
    static var architectures: [String] {
        FittedSizes.architectures.map { $0.architectureName }
    }

    func run() throws {
        keepFreedMemory()
        try check("--threads", threads, in: 1...1024)
        try check("--samples", samples, in: 2...10_000_000)
        if let output, !output.hasSuffix(".png") {
            throw CommandError("--output \(output): the name must end in .png")
        }
        guard
            let type = FlowRegistry.architecture(named: architecture) as? any ReversibleArchitecture.Type
        else {
            throw CommandError(
                "--architecture \(architecture): known here are \(Self.architectures.joined(separator: ", "))")
        }
        try fit(type, try sizes.sizes(of: type))
    }

    private func fit<Flow: ReversibleArchitecture>(_: Flow.Type, _ sizes: Sizes) throws {
        var options = FormulaFitOptions()
        options.steps = steps
        options.batch = batch
        options.seed = seed
        options.learningRate = learningRate
        options.warmupSteps = warmupSteps
        options.clipNorm = clip
        options.averageDecay = ema
        options.annealing = anneal
        let fit = try FormulaFit<Flow>(
            to: target, sizes: sizes, options: options, threads: threads)
        var sum = 0.0
        let interval = max(1, steps / 10)
        try fit.run { mean, inverseTemperature in
            sum += mean
            guard fit.step % interval == 0 else { return }
            if !json {
                let sharpness = inverseTemperature < 1 ? "  of p to the power \(fixed(inverseTemperature, 2))" : ""
                Terminal.line(
                    "step \(grouped(fit.step))/\(grouped(steps))  bound \(fixed(sum / Double(interval), 4))\(sharpness)"
                )
            }
            sum = 0
        }
        let weights = try ImportanceWeights(of: fit.averaged, for: target, count: samples, seed: seed)
        if let output { try writeFile(encodePNG(picture(of: fit.averaged)), to: output) }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            let report = Report(target: target.rawValue, architecture: architecture, steps: steps, weights: weights)
            Terminal.line(String(decoding: try encoder.encode(report), as: UTF8.self))
            return
        }
        let divergence = (target.logNormalizer ?? weights.logNormalizer) - weights.bound
        let known = target.logNormalizer.map { ", in truth \(fixed($0, 0))" } ?? ""
        Terminal.line(
            """
            target      \(target.rawValue)
            flow        \(architecture), \(Flow.description(of: sizes)), \(grouped(steps)) steps
            bound       \(fixed(weights.bound, 4)) ± \(fixed(weights.boundStandardError, 4)) nats, at most ln Z
            ln Z        \(fixed(weights.logNormalizer, 4)) ± \(fixed(weights.logNormalizerStandardError, 4)) nats, by \
            importance weights\(known)
            divergence  \(fixed(divergence, 4)) nats, reverse: ln Z less the bound
            ess         \(fixed(100 * weights.effectiveFraction, 1)) % of \(grouped(weights.count)) samples
            """)
    }

    /// Pixels of the picture a side, and points of the grid a side.
    private static let side = 300

    private func picture(of flow: some FlowArchitecture) throws -> Image {
        let (first, second) = target.ranges
        let points = Grid(first: first, second: second, side: Self.side)
        let (logP, _) = try target.logDensity(points.matrix, context: nil)
        let (z, logDet) = try FlowEngine(flow).forward(points.matrix)
        let logQ = zip(standardNormalLogDensity(z), logDet).map { $0 + Double($1) }
        // the formula's constant by the sum over the grid, which holds nearly all of it
        let logZ = target.logNormalizer ?? points.logIntegral(of: logP)
        return HeatMap(
            xLabel: "first dimension", yLabel: "second dimension", xRange: first, yRange: second, columns: Self.side,
            rows: Self.side,
            panels: [
                HeatMap.Panel(title: "\(target.rawValue), the formula", values: logP.map { exp($0 - logZ) }),
                HeatMap.Panel(title: "learned by \(architecture)", values: logQ.map { exp($0) }),
            ]
        ).image(side: Self.side)
    }
}

/// Grid of the middles of equal cells of a rectangle, the first row the lowest.
private struct Grid {
    let matrix: Matrix
    private let cell: Double

    init(first: ClosedRange<Double>, second: ClosedRange<Double>, side: Int) {
        let width = (first.upperBound - first.lowerBound) / Double(side)
        let height = (second.upperBound - second.lowerBound) / Double(side)
        cell = width * height
        var matrix = Matrix(rows: side * side, columns: 2)
        for row in 0..<side {
            for column in 0..<side {
                matrix[row * side + column, 0] = Float(first.lowerBound + (Double(column) + 0.5) * width)
                matrix[row * side + column, 1] = Float(second.lowerBound + (Double(row) + 0.5) * height)
            }
        }
        self.matrix = matrix
    }

    /// `ln ∫ p` over the rectangle, by the midpoint rule.
    func logIntegral(of logDensity: [Double]) -> Double { logSumExp(logDensity) + log(cell) }
}
