import FlowCore
import FlowModels
import Glibc
import TestSupport
import Testing

@Suite("Completion")
struct CompletionTests {
    private static let prior = [0.6, 0.4]

    /// A density of images of two pixels and four levels, far from independent.
    private func toy<Flow: FlowArchitecture>(_: Flow.Type, classPrior: [Double]? = nil) throws -> DensityModel {
        let shape = EventShape(height: 1, width: 2, channels: 1)
        let all: Sizes = [
            "layers": Flow.self is AffineCouplingFlow.Type ? 2 : 1, "hidden": [16], "log_scale_bound": 2, "bins": 4,
            "classes": .integer(classPrior?.count ?? 0),
        ]
        let sizes = try all.resolved(by: Flow.fields)
        let flow = BijectionLaws.perturbed(
            try Flow(shape: shape, sizes: sizes, seed: 1), scale: Flow.self is any ImageFlow.Type ? 0.25 : 0.4, seed: 5)
        return try DensityModel(
            flow: flow,
            record: ModelRecord(
                name: "toy", architecture: Flow.architectureName, sizes: sizes, eventShape: shape, levels: 4,
                dequantization: "uniform", logitAlpha: 0.05, classes: classPrior?.indices.map { "class \($0)" } ?? [],
                classPrior: classPrior, parameterCount: flow.parameterCount,
                check: CheckVector(pixels: [0, 3], logProb: 0)))
    }

    /// `P(class, level of the other pixel | known pixel)` with uniform noise on the known one, `[classes, 4]`: integrals over a grid of
    /// the flow's input, whose ends are levels too.
    private func expected(_ model: DensityModel, known: Int, level: UInt8) throws -> [Double] {
        let (knownCells, points, end) = (12, 2400, Float(30))
        let engine = FlowEngine(model.flow)
        let prior = model.record.classPrior ?? [1]
        var grid = Matrix(rows: points, columns: 2)
        for i in 0..<points { grid[i, 1 - known] = end * (2 * (Float(i) + 0.5) / Float(points) - 1) }
        var probabilities = [Double](repeating: 0, count: prior.count * 4)
        for k in 0..<knownCells {
            var input = [Float](repeating: 0, count: 2)
            var span = input.mutableSpan
            let noise = (Float(k) + 0.5) / Float(knownCells)
            _ = model.preprocessing.flowInput(pixels: [level, level], noise: [noise, noise], w: &span)
            for i in 0..<points { grid[i, known] = input[known] }
            var joint = probabilities.map { _ in 0.0 }
            for c in prior.indices {
                var context = Matrix(rows: points, columns: prior.count)
                for i in 0..<points { context[i, c] = 1 }
                let (z, logDet) = try engine.forward(grid, context: model.record.isConditional ? context : nil)
                let base = standardNormalLogDensity(z)
                for i in 0..<points {
                    let (pixels, _) = try #require(model.preprocessing.image(from: [grid[i, 0], grid[i, 1]]))
                    joint[c * 4 + Int(pixels[1 - known])] += prior[c] * exp(base[i] + Double(logDet[i]))
                }
            }
            let sum = joint.reduce(0, +)
            for i in joint.indices { probabilities[i] += joint[i] / sum / Double(knownCells) }
        }
        return probabilities
    }

    /// Fractions of `count` draws, as ``expected(_:known:level:)`` has them.
    private func drawn(
        _ model: DensityModel, known: Int, level: UInt8, classIndex: Int?, count: Int, moves: Int = 400
    ) throws -> [Double] {
        var fractions = [Double](repeating: 0, count: (model.record.classPrior?.count ?? 1) * 4)
        let rows = (0..<count).map { i in
            CompletionRow(
                pixels: known == 0 ? [level, 0] : [0, level], isKnown: [known == 0, known == 1], seed: 3,
                index: UInt64(i), classIndex: classIndex, particles: 64, moves: moves)
        }
        for image in try model.complete(rows, isCancelled: { false }) {
            let image = try #require(image)
            #expect(image.image.pixels[known] == level)
            #expect(image.roundTripError < 5e-3)
            fractions[(image.image.classIndex ?? 0) * 4 + Int(image.image.pixels[1 - known])] += 1 / Double(count)
        }
        return fractions
    }

    /// Largest distance of two distributions' probabilities, in standard errors of `count` draws.
    private func distance(_ a: [Double], _ expected: [Double], _ count: Int) -> Double {
        zip(a, expected).reduce(0) { largest, pair in
            let error = max(pair.1 * (1 - pair.1), 1e-3) / Double(count)
            return max(largest, abs(pair.0 - pair.1) / error.squareRoot())
        }
    }

    @Test("draws have the conditional distribution, the class's too: exactly, or by 64 particles")
    func conditional() throws {
        let models: [DensityModel] = try [
            toy(MaskedAutoregressiveFlow.self), toy(MaskedAutoregressiveFlow.self, classPrior: Self.prior),
            toy(SplineConvolutionalFlow.self, classPrior: Self.prior),
        ]
        var different = 0
        for model in models {
            for known in 0..<2 {
                let count = known == 0 ? 2000 : 500
                let row = CompletionRow(pixels: [2, 2], isKnown: [known == 0, known == 1], seed: 1, index: 0)
                #expect(model.completionMethod(of: row) == (known == 0 ? .conditional : .particles))
                let fractions = try drawn(model, known: known, level: 2, classIndex: nil, count: count)
                let expected = try expected(model, known: known, level: 2)
                #expect(abs(fractions.reduce(0, +) - 1) < 1e-9)
                #expect(distance(fractions, expected, count) < 4, "\(fractions) \(expected)")
                let prior = try unconditional(model, pixel: 1 - known)
                if distance(prior, expected, count) > 6 { different += 1 }
            }
        }
        // the test can tell: what is drawn without the known pixel is something else where the model says so
        #expect(different >= 3)
    }

    /// Fractions of classes and levels of one pixel of samples.
    private func unconditional(_ model: DensityModel, pixel: Int) throws -> [Double] {
        var fractions = [Double](repeating: 0, count: (model.record.classPrior?.count ?? 1) * 4)
        let images = try model.sample((0..<3000).map { SampleRow(seed: 1, index: $0) }, isCancelled: { false })
        for image in images { fractions[(image.classIndex ?? 0) * 4 + Int(image.pixels[pixel])] += 1.0 / 3000 }
        return fractions
    }

    @Test("a chain on latents comes to the conditional distribution where the flow has no order")
    func chain() throws {
        let model = try toy(AffineCouplingFlow.self)
        let row = CompletionRow(pixels: [2, 0], isKnown: [true, false], seed: 1, index: 0)
        #expect(model.completionMethod(of: row) == .chain && !CompletionMethod.chain.isExact)
        for known in 0..<2 {
            let fractions = try drawn(model, known: known, level: 2, classIndex: nil, count: 500, moves: 300)
            let expected = try expected(model, known: known, level: 2)
            #expect(distance(fractions, expected, 500) < 4, "\(fractions) \(expected)")
        }
        let image = try #require(try model.complete([row], isCancelled: { false })[0])
        let acceptance = try #require(image.acceptance)
        #expect(acceptance > 0.05 && acceptance < 0.95 && image.effectiveSampleSize == nil)
    }

    @Test("a row has the same bits alone and beside others of another mask, class or kind")
    func invariance() throws {
        for model in try [
            tinyModel(MaskedAutoregressiveFlow.self, classPrior: Self.prior),
            toy(SplineConvolutionalFlow.self, classPrior: Self.prior),
            toy(MaskedAutoregressiveFlow.self, classPrior: Self.prior),
            toy(AffineCouplingFlow.self, classPrior: Self.prior),
        ] {
            let dims = model.record.eventShape.dims
            let rows = (0..<40).map { i -> CompletionRow in
                let pixels: [UInt8] = (0..<dims).map { UInt8(($0 + i) % 4) }
                let isKnown: [Bool] = (0..<dims).map { ($0 + i / 9) % 2 == 0 }
                return CompletionRow(
                    pixels: pixels, isKnown: isKnown, seed: 9, index: UInt64(i), classIndex: i % 2,
                    particles: 1 + i % 5 * 7, moves: 3 + i % 4)
            }
            let together = try model.complete(rows, isCancelled: { false })
            let densities = Set(together.compactMap { $0?.image.logDensity })
            #expect(densities.count > 20)
            for i in stride(from: 0, to: 40, by: 3) {
                let alone = try model.complete([rows[i]], isCancelled: { false })
                #expect(alone == [together[i]])
            }
        }
    }

    @Test("known pixels stay as they are, and nothing known is a sample of the flow")
    func extremes() throws {
        let model = try toy(MaskedAutoregressiveFlow.self)
        let known = CompletionRow(pixels: [1, 3], isKnown: [true, true], seed: 1, index: 0)
        #expect(model.completionMethod(of: known) == .conditional)
        let image = try #require(try model.complete([known], isCancelled: { false })[0])
        #expect(image.image.pixels == [1, 3] && image.effectiveSampleSize == nil && image.acceptance == nil)
        let nothing = (0..<2000).map {
            CompletionRow(pixels: [0, 0], isKnown: [false, false], seed: 1, index: $0)
        }
        var fractions = [Double](repeating: 0, count: 4)
        for image in try model.complete(nothing, isCancelled: { false }) {
            fractions[Int(try #require(image).image.pixels[1])] += 1.0 / 2000
        }
        #expect(distance(fractions, try unconditional(model, pixel: 1), 1000) < 4)
    }

    @Test("particles say how well they have done: better where what is known follows from what comes before it")
    func quality() throws {
        let model = try toy(MaskedAutoregressiveFlow.self)
        let rows = (0..<40).map { i in
            CompletionRow(pixels: [0, 2], isKnown: [false, true], seed: 3, index: UInt64(i), particles: 32)
        }
        for image in try model.complete(rows, isCancelled: { false }) {
            let image = try #require(image)
            let (size, ancestors) = (try #require(image.effectiveSampleSize), try #require(image.ancestors))
            #expect(size >= 1 && size < 32 && (1...32).contains(ancestors))
            // those that are left out are as many as their weights are uneven
            #expect(size < 16 ? ancestors < 32 : ancestors == 32)
        }
        let one = CompletionRow(pixels: [0, 2], isKnown: [false, true], seed: 3, index: 0, particles: 1)
        let alone = try #require(try model.complete([one], isCancelled: { false })[0])
        #expect(alone.effectiveSampleSize == 1 && alone.ancestors == 1)
    }

    @Test("what a model cannot complete is refused")
    func refusals() throws {
        let model = try toy(AffineCouplingFlow.self, classPrior: Self.prior)
        func refused(_ change: (inout CompletionRow) -> Void) -> Bool {
            var row = CompletionRow(
                pixels: [1, 2], isKnown: [true, false], seed: 1, index: 0, classIndex: 0, moves: 2)
            change(&row)
            return (try? model.complete([row], isCancelled: { false })) == nil
        }
        #expect(!refused { _ in })
        #expect(refused { $0.classIndex = nil }, "a chain needs a class")
        #expect(refused { $0.classIndex = 2 })
        #expect(refused { $0.pixels = [1, 4] })
        #expect(refused { $0.pixels = [1] })
        #expect(refused { $0.isKnown = [true] })
        #expect(refused { $0.particles = 0 } && refused { $0.particles = 65 } && !refused { $0.particles = 64 })
        #expect(refused { $0.moves = 0 })
        #expect(throws: FlowError.cancelled) {
            let row = CompletionRow(pixels: [1, 2], isKnown: [true, false], seed: 1, index: 0, classIndex: 0)
            return try model.complete([row], isCancelled: { true })
        }
    }
}
