import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import Foundation
import Testing

@Suite("Formulas")
struct FormulaTests {
    @Test("gradients equal finite differences", arguments: FormulaDensity.allCases)
    func gradients(_ density: FormulaDensity) {
        var random = RandomStream(seed: 1, stream: 0)
        for _ in 0..<200 {
            let (a, b) = (3 * Double(random.normal()), 3 * Double(random.normal()))
            let (_, first, second) = density.logDensity(a, b)
            let step = 1e-5
            let byFirst = (density.logDensity(a + step, b).value - density.logDensity(a - step, b).value) / (2 * step)
            let bySecond = (density.logDensity(a, b + step).value - density.logDensity(a, b - step).value) / (2 * step)
            // the third derivatives of the funnel's neck are large
            #expect(abs(first - byFirst) <= 1e-5 * max(1, abs(byFirst)), "\(a), \(b)")
            #expect(abs(second - bySecond) <= 1e-5 * max(1, abs(bySecond)), "\(a), \(b)")
        }
        let middle = density.logDensity(0, 0)
        #expect(middle.value.isFinite && middle.first.isFinite && middle.second.isFinite)
        let far = density.logDensity(40, 40)
        #expect(far.value.isFinite && far.first.isFinite)
    }

    @Test("what is said to be normalised integrates to one")
    func normalized() {
        // in coordinates in which both are as wide everywhere: x = u exp(v/2) of the funnel, the bend taken out of the banana
        func integral(_ logDensity: (Double, Double) -> Double) -> Double {
            var sum = 0.0
            for i in 0..<400 {
                for j in 0..<400 { sum += exp(logDensity(-20 + 0.1 * Double(i), -20 + 0.1 * Double(j))) }
            }
            return sum * 0.01
        }
        let funnel = integral { v, u in FormulaDensity.funnel.logDensity(v, u * exp(v / 2)).value + v / 2 }
        let banana = integral { a, u in FormulaDensity.banana.logDensity(a, u - (a * a - 4) / 4).value }
        #expect(abs(funnel - 1) < 1e-6 && abs(banana - 1) < 1e-6)
        #expect(FormulaDensity.funnel.logNormalizer == 0 && FormulaDensity.banana.logNormalizer == 0)
        #expect(FormulaDensity.moons.logNormalizer == nil)
    }

    /// `∫ p · (1, a, a², b, b²)` on a grid over the density's ranges.
    private func moments(_ density: FormulaDensity, widen: Double = 1) -> [Double] {
        let (first, second) = density.ranges
        func points(_ range: ClosedRange<Double>) -> (values: [Double], width: Double) {
            let middle = (range.lowerBound + range.upperBound) / 2
            let width = widen * (range.upperBound - range.lowerBound) / 400
            return ((0..<400).map { middle + (Double($0) - 199.5) * width }, width)
        }
        let (a, b) = (points(first), points(second))
        var sums = [Double](repeating: 0, count: 5)
        for x in a.values {
            for y in b.values {
                let p = exp(density.logDensity(x, y).value)
                for (i, value) in [1, x, x * x, y, y * y].enumerated() { sums[i] += p * value }
            }
        }
        let total = sums[0]
        return [total * a.width * b.width] + sums[1...].map { $0 / total }
    }

    private func fitted(_ density: FormulaDensity, seed: UInt64 = 0, threads: Int = 2) throws
        -> InverseAutoregressiveFlow
    {
        var options = FormulaFitOptions()
        options.steps = 1200
        options.batch = 128
        options.learningRate = 5e-3
        options.averageDecay = 0.99
        options.seed = seed
        let fit = try FormulaFit<InverseAutoregressiveFlow>(
            to: density,
            sizes: ["layers": 4, "hidden": [24, 24], "log_scale_bound": 5, "activation": "tanh"],
            options: options, threads: threads)
        var last = (0.0, 0.0)
        try fit.run { last = ($0, $1) }
        #expect(fit.step == 1200 && last.1 == 1)
        return fit.averaged
    }

    @Test("a fitted flow has the formula's integral and moments", arguments: FormulaDensity.allCases)
    func fits(_ density: FormulaDensity) throws {
        let flow = try fitted(density)
        let count = 20_000
        let weights = try ImportanceWeights(of: flow, for: density, count: count, seed: 9)
        // the funnel's neck and mouth are known by its formula, not by a grid
        let truth = density == .funnel ? [1, 0, 9, 0, exp(4.5)] : moments(density, widen: 1.6)
        let logZ = log(truth[0])
        if let known = density.logNormalizer { #expect(abs(logZ - known) < 1e-3) }
        #expect(weights.effectiveFraction > 0.7 && weights.effectiveFraction <= 1)
        #expect(abs(weights.logNormalizer - logZ) < 0.03, "\(weights) \(logZ)")
        #expect(weights.bound < logZ + 3 * weights.boundStandardError && weights.bound > logZ - 0.2)

        let z = standardNormals(rows: count, dims: 2, seed: 10, stream: 0)
        let x = try FlowEngine(flow).inverse(z).x
        func mean(_ column: Int, _ power: Int) -> Double {
            (0..<count).reduce(0) { $0 + pow(Double(x[$1, column]), Double(power)) } / Double(count)
        }
        #expect(abs(mean(0, 1) - truth[1]) < 0.25 && abs(mean(1, 1) - truth[3]) < 0.25)
        #expect(abs(mean(0, 2) / truth[2] - 1) < 0.15)
        // a mean of exp(v) with v of variance 9 is that of its largest few terms
        if density != .funnel { #expect(abs(mean(1, 2) / truth[4] - 1) < 0.15) }
    }

    @Test("threads do not change a bit, and another seed is another fit")
    func threads() throws {
        func fit(seed: UInt64, threads: Int) throws -> [[Float]] {
            var options = FormulaFitOptions()
            (options.steps, options.batch, options.seed) = (20, 100, seed)
            let fit = try FormulaFit<AffineCouplingFlow>(
                to: FormulaDensity.banana, sizes: ["layers": 2, "hidden": [8], "log_scale_bound": 3],
                options: options, threads: threads)
            try fit.run()
            return parameters(fit.averaged)
        }
        let one = try fit(seed: 1, threads: 1)
        #expect(try fit(seed: 1, threads: 3) == one)
        #expect(try fit(seed: 2, threads: 1) != one)
    }

    @Test("the density sharpens over a share of the steps")
    func annealing() {
        var options = FormulaFitOptions()
        options.steps = 1000
        options.annealing = 0.5
        #expect(options.inverseTemperature(step: 0) == 0.01)
        #expect(abs(options.inverseTemperature(step: 250) - 0.505) < 1e-12)
        #expect(options.inverseTemperature(step: 500) == 1 && options.inverseTemperature(step: 999) == 1)
        options.annealing = 0
        #expect(options.inverseTemperature(step: 0) == 1)
    }

    @Test("a fit that is no longer finite stops")
    func divergence() throws {
        var options = FormulaFitOptions()
        options.learningRate = 1e3
        options.warmupSteps = 0
        options.clipNorm = 0
        let fit = try FormulaFit<AffineCouplingFlow>(
            to: FormulaDensity.funnel, sizes: ["layers": 2, "hidden": [8], "log_scale_bound": 80],
            options: options, threads: 1)
        #expect(throws: TrainingError.self) { try fit.run() }
        #expect(fit.step < options.steps)
    }

    @Test("weights are judged as the formulas say")
    func weights() {
        let equal = ImportanceWeights(logWeights: [2, 2, 2, 2])
        #expect(abs(equal.effectiveFraction - 1) < 1e-12 && abs(equal.logNormalizer - 2) < 1e-12)
        #expect(equal.bound == 2 && equal.boundStandardError == 0 && equal.logNormalizerStandardError < 1e-12)
        let two = ImportanceWeights(logWeights: [0, log(3)])
        #expect(abs(two.effectiveFraction - 0.8) < 1e-12)
        #expect(abs(two.logNormalizer - log(2)) < 1e-12)
        #expect(abs(two.bound - log(3) / 2) < 1e-12)
        #expect(abs(two.logNormalizerStandardError - 0.5) < 1e-12)  // weights ½ and 3/2 of their mean
        #expect(abs(two.boundStandardError - log(3) / 2) < 1e-12)
        let far = ImportanceWeights(logWeights: [-2000, -2000 + log(3)])
        #expect(abs(far.effectiveFraction - 0.8) < 1e-9 && far.logNormalizer < -1999)
    }

    struct BadOption: Sendable, CustomTestStringConvertible {
        var name: String
        var change: @Sendable (inout FormulaFitOptions) -> Void
        var testDescription: String { name }

        static let all = [
            BadOption(name: "steps") { $0.steps = 0 },
            BadOption(name: "steps") { $0.steps = FormulaFitOptions.maxSteps + 1 },
            BadOption(name: "batch") { $0.batch = 1 },
            BadOption(name: "batch") { $0.batch = FormulaFitOptions.maxBatch + 1 },
            BadOption(name: "learning-rate") { $0.learningRate = .nan },
            BadOption(name: "warmup-steps") { $0.warmupSteps = -1 },
            BadOption(name: "clip") { $0.clipNorm = -1 },
            BadOption(name: "ema") { $0.averageDecay = 1 },
            BadOption(name: "anneal") { $0.annealing = -0.1 },
            BadOption(name: "anneal") { $0.annealing = 1.1 },
        ]
    }

    @Test("settings that make no sense are refused by name, those at their limits are not", arguments: BadOption.all)
    func badOptions(_ bad: BadOption) throws {
        var options = FormulaFitOptions()
        bad.change(&options)
        let error = try #require(throws: TrainingError.self) { try options.validate() }
        guard case .outOfRange(bad.name, _, _) = error else {
            Issue.record("\(error)")
            return
        }
        var limits = FormulaFitOptions()
        (limits.steps, limits.batch) = (FormulaFitOptions.maxSteps, FormulaFitOptions.maxBatch)
        (limits.annealing, limits.clipNorm, limits.averageDecay) = (1, 0, 0)
        try limits.validate()
        (limits.steps, limits.batch, limits.annealing) = (1, 2, 0)
        try limits.validate()
    }
}
