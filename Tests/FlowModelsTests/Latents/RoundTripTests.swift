import FlowCore
import FlowModels
import Testing

@Suite("Latents")
struct RoundTripTests {
    private func rows(_ model: DensityModel, _ count: Int) -> [DensityRow] {
        var random = RandomStream(seed: 8, stream: 0)
        let dims = model.record.eventShape.dims
        return (0..<count).map { i in
            DensityRow(pixels: (0..<dims).map { _ in UInt8(random.uniform() * 256) }, classIndex: i % 2)
        }
    }

    @Test(
        "are decoded to their images, and back, with the same bits in any batch",
        arguments: FlowRegistry.architectures.indices)
    func roundTrip(index: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            let model = try tinyModel(type, classPrior: [0.5, 0.5])
            let rows = rows(model, 70)
            let latents = try model.encode(rows, isCancelled: { false })
            let densities = try model.logDensities(of: rows, isCancelled: { false })
            #expect(latents.map(\.logProb) == densities)
            // Logits of single precision reach ±7, and a flow multiplies rounding errors by its slopes: those by much whose weights
            // here are steep in places, splines and mixtures of images. The error has to say so.
            let isSteep = [
                SplineGlowFlow.architectureName, MixtureGlowFlow.architectureName,
                SplineConvolutionalFlow.architectureName,
                MixtureConvolutionalFlow.architectureName,
            ].contains(Flow.architectureName)
            let errors = latents.compactMap { $0.roundTripError?.input }.sorted()
            #expect(errors.count == rows.count)
            #expect(isSteep || errors[errors.count - 1] < 2e-3)
            let again = zip(latents, rows).map { LatentRow(latent: $0.latent, classIndex: $1.classIndex) }
            let decoded = try model.decode(again, isCancelled: { false })
            for (r, row) in rows.enumerated() {
                let image = try #require(decoded[r])
                let distances = zip(image.image.pixels, row.pixels).map { abs(Int($0) - Int($1)) }
                #expect(distances.max() == latents[r].roundTripError?.levels)
                // 1 where the point is on the edge of a level
                #expect(isSteep || distances.allSatisfy { $0 <= 1 })
                #expect(image.image.classIndex == row.classIndex)
                #expect(isSteep || image.roundTripError < 2e-3)
            }
            for i in [0, 63, 64, 69] {
                #expect(try model.encode([rows[i]], isCancelled: { false }) == [latents[i]])
                #expect(try model.decode([again[i]], isCancelled: { false }) == [decoded[i]])
            }
        }
        try check(FlowRegistry.architectures[index])
    }

    @Test("of a learned dequantizer have its log-density")
    func dequantizer() throws {
        let model = try tinyModel(AffineCouplingFlow.self, dequantizer: ["layers": 2, "hidden": [9]])
        let row = DensityRow(pixels: [1, 2, 3, 50, 60, 255])
        let latent = try model.encode([row], isCancelled: { false })[0]
        #expect(try model.logDensities(of: [row], isCancelled: { false }) == [latent.logProb])
        #expect(latent.roundTripError?.levels == 0)
    }

    @Test("that are no latents of the model are refused, and one without a finite image has none")
    func refusals() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        let conditional = try tinyModel(MaskedAutoregressiveFlow.self, classPrior: [0.5, 0.5])
        let fine = [Float](repeating: 0, count: 6)
        #expect(throws: FlowError.widthMismatch(argument: "latent", expected: 6, actual: 5)) {
            try model.decode([LatentRow(latent: Array(fine.dropLast()))], isCancelled: { false })
        }
        #expect(throws: FlowError.notFinite(argument: "latent", row: 1)) {
            try model.decode(
                [LatentRow(latent: fine), LatentRow(latent: [.nan, 0, 0, 0, 0, 0])], isCancelled: { false })
        }
        #expect(throws: FlowError.self) { try conditional.decode([LatentRow(latent: fine)], isCancelled: { false }) }
        #expect(throws: FlowError.self) {
            try model.decode([LatentRow(latent: fine, classIndex: 0)], isCancelled: { false })
        }
        let far = [Float](repeating: 3e38, count: 6)
        let decoded = try model.decode([LatentRow(latent: far), LatentRow(latent: fine)], isCancelled: { false })
        #expect(decoded[0] == nil)
        #expect(try decoded[1] == model.decode([LatentRow(latent: fine)], isCancelled: { false })[0])
    }

    @Test("are interpolated on a sphere")
    func interpolation() {
        let (a, b): ([Float], [Float]) = ([3, 0, 0], [0, 3, 0])
        #expect(sphericalInterpolation(a, b, at: 0) == a && sphericalInterpolation(a, b, at: 1) == b)
        let middle = sphericalInterpolation(a, b, at: 0.5)
        let third = sphericalInterpolation(a, b, at: 1.0 / 3)
        let cases: [([Float], [Float])] = [(middle, [2.121_320_3, 2.121_320_3, 0]), (third, [2.598_076, 1.5, 0])]
        for (found, expected) in cases {
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        }
        // no great circle is that of one direction, of opposite ones or of nothing
        #expect(sphericalInterpolation([1, 1], [2, 2], at: 0.5) == [1.5, 1.5])
        #expect(sphericalInterpolation([1, 0], [-1, 0], at: 0.25) == [0.5, 0])
        #expect(sphericalInterpolation([0, 0], [2, 4], at: 0.5) == [1, 2])
    }
}
