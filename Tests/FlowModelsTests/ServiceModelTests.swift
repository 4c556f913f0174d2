import FlowCore
import TestSupport
import Testing

@testable import FlowModels

@Suite("Models that only answer")
struct ServiceModelTests {
    /// A model for what is asked of it, with and without classes, by another precision and by another dequantization.
    struct Variant: Sendable, CustomTestStringConvertible {
        var architecture: Int
        var isConditional = false
        var isDequantized = false
        var precision = WeightPrecision.f32
        /// One map, whose terms of pixels are exact where it is triangular.
        var layers = 2

        var testDescription: String {
            "\(FlowRegistry.architectures[architecture].architectureName) \(isConditional) \(isDequantized) \(precision) \(layers)"
        }

        func make() throws -> DensityModel {
            func make<Flow: FlowArchitecture>(_: Flow.Type) throws -> DensityModel {
                let shape = EventShape(height: 4, width: 4, channels: 1)
                let prior = isConditional ? [0.6, 0.4] : nil
                let all: Sizes = [
                    "layers": .integer(layers), "hidden": [16, 16], "log_scale_bound": 3,
                    "classes": .integer(prior?.count ?? 0),
                ]
                let sizes = try all.resolved(by: Flow.fields)
                let flow = BijectionLaws.perturbed(try Flow(shape: shape, sizes: sizes, seed: 1), scale: 0.2, seed: 2)
                let dequantizerSizes: Sizes? = isDequantized ? ["layers": 2, "hidden": [9]] : nil
                let own = try dequantizerSizes?.resolved(by: Dequantizer.fields)
                return try DensityModel(
                    flow: flow, dequantizer: try own.map { try Dequantizer(shape: shape, sizes: $0, seed: 3) },
                    record: ModelRecord(
                        name: "tiny", architecture: Flow.architectureName, sizes: sizes, eventShape: shape, levels: 17,
                        dequantization: ModelRecord.dequantization(own), dequantizer: own, logitAlpha: 1e-3,
                        classes: prior?.indices.map { "class \($0)" } ?? ["thing"], classPrior: prior,
                        parameterCount: flow.parameterCount,
                        check: CheckVector(pixels: Array(repeating: 3, count: shape.dims), logProb: 0)),
                    precision: precision)
            }
            return try make(FlowRegistry.architectures[architecture])
        }

        static let all: [Variant] = FlowRegistry.architectures.indices.flatMap {
            [Variant(architecture: $0), Variant(architecture: $0, isConditional: true, precision: .bf16, layers: 1)]
        }
    }

    /// Answers to one of everything that a service asks of a density.
    private struct Answers {
        var densities: [RowDensity]
        var maps: [PixelMap]
        var samples: [DrawnImage]
        var latents: [EncodedLatent]
        var decoded: [DecodedLatent?]
        var methods: [CompletionMethod]
        var completed: [CompletedImage?]

        init(of model: any ImageDensity) throws {
            let record = model.record
            var random = RandomStream(seed: 7, stream: 0)
            let images = (0..<3).map { _ in (0..<record.eventShape.dims).map { _ in UInt8(random.uniform() * 17) } }
            let given = record.isConditional ? 1 : nil
            let never: @Sendable () -> Bool = { false }
            var rows = images.map { DensityRow(pixels: $0, draw: 1, classIndex: given) }
            maps = try model.pixelMaps(of: rows, isCancelled: never)
            latents = try model.encode(rows, isCancelled: never)
            for index in rows.indices { rows[index].wantsEvidence = true }
            rows.append(DensityRow(pixels: images[0], wantsEvidence: true, wantsClasses: record.isConditional))
            densities = try model.densities(of: rows, isCancelled: never)
            samples = try model.sample(
                (0..<3).map { SampleRow(seed: 5, index: $0, temperature: 0.7, classIndex: $0 == 0 ? given : nil) },
                isCancelled: never)
            decoded = try model.decode(
                latents.map { LatentRow(latent: $0.latent, classIndex: given) }, isCancelled: never)
            // The upper half, whose rest some flows draw exactly, and every other pixel, for particles or a chain.
            let known = [(0..<16).map { $0 < 8 }, (0..<16).map { $0 % 2 == 0 }]
            let asked = known.map {
                CompletionRow(
                    pixels: images[1], isKnown: $0, seed: 3, index: 2, classIndex: given, particles: 4, moves: 20)
            }
            methods = asked.map(model.completionMethod)
            completed = try model.complete(asked, isCancelled: never)
        }
    }

    /// All answers in words, in which every number has as many digits as tell it apart from others, and one that is none is its equal.
    private func words(_ model: any ImageDensity) throws -> String { String(describing: try Answers(of: model)) }

    @Test("every answer has the bits of the whole model's", arguments: Variant.all)
    func answers(_ variant: Variant) throws {
        let whole = try variant.make()
        let served = whole.forService()
        #expect(served.pixelMapKind == whole.pixelMapKind)
        #expect(served.record == whole.record && served.precision == whole.precision)
        #expect(served.densityOrder == whole.densityOrder && served.samplingOrder == whole.samplingOrder)
        #expect(served.roundTripOrder == whole.roundTripOrder)
        let expected = try words(whole)
        #expect(try words(served) == expected)
        let rows = [DensityRow(pixels: Array(repeating: 5, count: 16), classIndex: variant.isConditional ? 0 : nil)]
        let map = try #require(try served.pixelMaps(of: rows, isCancelled: { false }).first)
        #expect(map.kind == whole.pixelMapKind && map.values.contains { $0 != 0 })
        // Made for the service twice, and without its background.
        #expect(try words(served.forService()) == expected)
        #expect(try words(served.with(background: nil)) == expected)
    }

    @Test("the inverse of every one passes its test, in as few pixels as it can", arguments: Variant.all)
    func inverses(_ variant: Variant) throws {
        let model = try variant.make()
        let test = try model.testInverse(pixels: 6, isCancelled: { false })
        // bfloat16 rounds what enters a product, and so does not undo to the last bits.
        #expect(test.error < (variant.precision == .f32 ? 1e-2 : 0.1))
        #expect(test.hasPassed && test.time > .zero)
        let isOneSolve =
            model.completionMethod(
                of: CompletionRow(
                    pixels: Array(repeating: 0, count: 16), isKnown: Array(repeating: false, count: 16), seed: 1,
                    index: 0,
                    classIndex: variant.isConditional ? 0 : nil)) != .chain
        #expect(test.fraction == (isOneSolve ? 6.0 / 16 : 1))
        #expect(try model.testInverse(pixels: 1000, isCancelled: { false }).fraction == 1)
        #expect(throws: FlowError.cancelled) { try model.testInverse(pixels: 6, isCancelled: { true }) }
    }

    @Test("variational dequantization is no exception", arguments: FlowRegistry.architectures.indices)
    func dequantized(_ architecture: Int) throws {
        let whole = try Variant(architecture: architecture, isDequantized: true).make()
        let expected = try words(whole)
        #expect(try words(whole.forService()) == expected)
    }

    @Test("the flow is left out where no answer needs it, and kept where gradients do")
    func flows() throws {
        var kinds: [PixelMap.Kind: Int] = [:]
        for variant in Variant.all {
            let whole = try variant.make()
            kinds[whole.pixelMapKind, default: 0] += 1
            #expect(
                (whole.forService().trained != nil) == (whole.pixelMapKind == .gradient), "\(variant.testDescription)")
            #expect(whole.trained != nil, "the model itself stays whole")
        }
        #expect(kinds[.conditional, default: 0] > 0 && kinds[.gradient, default: 0] > 0)
    }

    @Test("to ask for the flow that was left out is a mistake")
    func trap() async {
        await #expect(processExitsWith: .failure) {
            // Whatever else goes wrong ends the process well.
            let models = Variant.all.compactMap { try? $0.make().forService() }
            guard let model = models.first(where: { $0.trained == nil }) else { return }
            _ = model.flow
        }
    }
}
