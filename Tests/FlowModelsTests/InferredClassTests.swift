import FlowCore
import FlowModels
import Glibc
import TestSupport
import Testing

@Suite("A model that tells the class by itself")
struct InferredClassTests {
    private static let prior = [0.5, 0.2, 0.3]
    private static let shape = EventShape(height: 4, width: 4, channels: 1)

    private func model<Flow: FlowArchitecture>(_: Flow.Type, belief: [Int] = [16]) throws -> DensityModel {
        let all: Sizes = [
            "layers": 1, "hidden": [16, 16], "kernel": 3, "belief": .integers(belief), "classes": 3,
        ]
        let sizes = try all.resolved(by: Flow.fields)
        let flow = BijectionLaws.perturbed(try Flow(shape: Self.shape, sizes: sizes, seed: 1), scale: 0.1, seed: 2)
        var record = ModelRecord(
            name: "inferred", architecture: Flow.architectureName, sizes: sizes, eventShape: Self.shape, levels: 256,
            dequantization: "uniform", logitAlpha: 1e-3, classes: ["a", "b", "c"], classPrior: Self.prior,
            parameterCount: flow.parameterCount, check: CheckVector(pixels: pixels(9), logProb: 0))
        let model = try DensityModel(flow: flow, record: record)
        record.check.logProb = try model.densities(of: [DensityRow(pixels: pixels(9))], isCancelled: { false })[0]
            .logProb
        return try DensityModel(flow: flow, record: record)
    }

    private func models() throws -> [DensityModel] {
        [try model(SplineConvolutionalFlow.self), try model(MixtureConvolutionalFlow.self)]
    }

    private func pixels(_ seed: UInt64) -> [UInt8] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<16).map { _ in UInt8(random.uniform() * 255) }
    }

    @Test("without a class the density takes one pass, and its classes are told when they are wanted")
    func passes() throws {
        for model in try models() {
            #expect(model.record.infersClass)
            let row = DensityRow(pixels: pixels(1))
            var wanting = row
            wanting.wantsClasses = true
            let given = DensityRow(pixels: row.pixels, classIndex: 1, wantsClasses: true)
            #expect([row, wanting, given].map { model.record.passCount(of: $0) } == [1, 4, 1])
            let plain = try model.densities(of: [row], isCancelled: { false })[0]
            let whole = try model.densities(of: [wanting], isCancelled: { false })[0]
            #expect(plain == RowDensity(logProb: whole.logProb))
            let parts = try (0..<3).map { c in
                try model.logDensities(of: [DensityRow(pixels: row.pixels, classIndex: c)], isCancelled: { false })[0]
            }
            #expect(whole.classLogProbs == parts && !parts.contains(plain.logProb))
            let score = ImageScore(draws: [whole], record: model.record)
            let mixture = logSumExp(zip(Self.prior, parts).map { log($0) + $1 })
            #expect(score.logProb == plain.logProb && score.logProb != mixture)
            let posterior = try #require(score.classPosterior)
            #expect(abs(posterior.reduce(0, +) - 1) < 1e-12)
            for c in 0..<3 { #expect(abs(log(posterior[c]) - (log(Self.prior[c]) + parts[c] - mixture)) < 1e-9) }
            let silent = ImageScore(draws: [plain], record: model.record)
            #expect(silent.classPosterior == nil && silent.mostProbableClass == nil)
        }
    }

    @Test("a mixture of classes has its parts anyway")
    func mixture() throws {
        let model = try model(SplineConvolutionalFlow.self, belief: [])
        #expect(!model.record.infersClass && model.record.passCount(of: DensityRow(pixels: pixels(1))) == 3)
        let density = try model.densities(of: [DensityRow(pixels: pixels(1))], isCancelled: { false })[0]
        #expect(density.classLogProbs.count == 3)
    }

    @Test("a row has the same bits beside rows of classes and without, alone and on threads")
    func invariance() throws {
        for model in try models() {
            let rows = (0..<70).map { i in
                DensityRow(
                    pixels: pixels(UInt64(i % 7)), classIndex: i % 4 == 3 ? i % 3 : nil, wantsEvidence: i % 3 == 0,
                    wantsClasses: i % 5 == 0)
            }
            let together = try model.densities(of: rows, isCancelled: { false })
            for (row, density) in zip(rows, together) {
                #expect(isSame(try model.densities(of: [row], isCancelled: { false })[0], density))
            }
        }
    }

    /// The same bits; a NaN is one kind of evidence that there is none of.
    private func isSame(_ a: RowDensity, _ b: RowDensity) -> Bool {
        func bits(_ density: RowDensity) -> [UInt64] {
            ([density.logProb] + density.classLogProbs + (density.evidence ?? [])
                + density.classEvidence.flatMap(\.self))
                .map(\.bitPattern)
        }
        return bits(a) == bits(b)
    }

    @Test("latents, pixel maps and the file go without a class")
    func rest() throws {
        for model in try models() {
            let row = DensityRow(pixels: pixels(3))
            let logProb = try model.densities(of: [row], isCancelled: { false })[0].logProb
            let encoded = try model.encode([row], isCancelled: { false })[0]
            #expect(encoded.logProb == logProb)
            #expect(try #require(encoded.roundTripError).levels <= 1)
            let decoded = try model.decode([LatentRow(latent: encoded.latent)], isCancelled: { false })[0]
            #expect(zip(try #require(decoded).image.pixels, row.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
            #expect(model.pixelMapKind == .conditional)
            let score = ImageScore(draws: [RowDensity(logProb: logProb)], record: model.record)
            let map = try model.pixelMaps(of: [score.pixelMapRow(of: row.pixels)], isCancelled: { false })[0]
            #expect(abs(map.values.reduce(0, +) - logProb) < 2e-3)
            let bytes = try ModelFile.encode(model, precision: .float32)
            let loaded = unsafe try ModelFile.load(bytes.span.bytes)
            #expect(loaded.record.infersClass)
            #expect(try loaded.densities(of: [row], isCancelled: { false })[0].logProb == logProb)
        }
    }

    @Test("a belief without classes, or behind another map, is refused")
    func refusals() throws {
        func flow(_ sizes: Sizes) throws {
            let all: Sizes = ["hidden": [16], "kernel": 3, "belief": [16]]
            _ = try SplineConvolutionalFlow(
                shape: Self.shape, sizes: all.overridden(by: sizes).resolved(by: SplineConvolutionalFlow.fields),
                seed: 1)
        }
        try flow(["layers": 1, "classes": 2])
        #expect(throws: FlowError.self) { try flow(["layers": 1, "classes": 0]) }
        #expect(throws: FlowError.self) { try flow(["layers": 2, "classes": 2]) }
    }
}
