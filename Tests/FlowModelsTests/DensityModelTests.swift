import CAllocationCounter
import FlowCore
import FlowModels
import Testing

@Suite("Density model")
struct DensityModelTests {
    private func rows(_ count: Int, levels: Int = 256) -> [DensityRow] {
        var random = RandomStream(seed: 8, stream: 0)
        return (0..<count).map { i in
            DensityRow(pixels: (0..<6).map { _ in UInt8(random.uniform() * Float(levels)) }, draw: UInt32(i % 3))
        }
    }

    @Test("a row's log-density has the same bits alone, again and in any batch")
    func invariance() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        let rows = rows(40)
        let together = try model.logDensities(of: rows, isCancelled: { false })
        for (row, expected) in zip(rows, together) {
            let alone = try model.logDensities(of: [row], isCancelled: { false })[0]
            #expect(alone.bitPattern == expected.bitPattern)
        }
    }

    @Test("scoring allocates nothing once its workspace is there", arguments: [17, 256])
    func allocations(levels: Int) throws {
        let models: [any ImageDensity] = [
            try tinyModel(MaskedAutoregressiveFlow.self, levels: levels),
            try tinyModel(AffineCouplingFlow.self, levels: levels, name: "a name too long to stand in a small string"),
            try tinyModel(
                AffineCouplingFlow.self, levels: levels, dequantizer: ["layers": 2, "hidden": [9]]),
        ]
        for model in models {
            for rows in [rows(1, levels: levels), rows(100, levels: levels)] {
                var results = [LatentDensity](repeating: LatentDensity(), count: rows.count)
                let expected = try model.logDensities(of: rows, isCancelled: { false })
                var span = results.mutableSpan
                let before = allocation_count()
                for _ in 0..<3 { try model.logDensities(of: rows, to: &span, isCancelled: { false }) }
                let count = allocation_count() - before
                #expect(count == 0)
                #expect(results.map(\.logProb) == expected)
            }
        }
    }

    @Test("a row has the same answer in whichever tile of a large batch it falls")
    func tiles() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        let row = rows(1)[0]
        let many = try model.logDensities(of: Array(repeating: row, count: 131), isCancelled: { false })
        let one = try model.logDensities(of: [row], isCancelled: { false })
        #expect(Set(many) == Set(one))
        let sample = SampleRow(seed: 9, index: 4)
        let drawn = try model.sample(Array(repeating: sample, count: 131), isCancelled: { false })
        let alone = try model.sample([sample], isCancelled: { false })[0]
        #expect(drawn.count == 131 && drawn.allSatisfy { $0 == alone })
        #expect(try model.logDensities(of: [], isCancelled: { false }) == [])
    }

    @Test("threads that share a model get the same bits")
    func threads() async throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        let rows = rows(80)
        let expected = try model.logDensities(of: rows, isCancelled: { false })
        let agree = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { try model.logDensities(of: rows, isCancelled: { false }) == expected }
            }
            return try await group.allSatisfy { $0 }
        }
        #expect(agree)
    }

    @Test("draws and names change the noise, nothing else does")
    func noise() throws {
        let model = try tinyModel(AffineCouplingFlow.self)
        let other = try tinyModel(AffineCouplingFlow.self, name: "other")
        let row = rows(1)[0]
        var again = row
        again.draw = row.draw + 1
        let logDensity = try model.logDensities(of: [row, again], isCancelled: { false })
        #expect(logDensity[0] != logDensity[1])
        #expect(try other.logDensities(of: [row], isCancelled: { false })[0] != logDensity[0])
    }

    @Test("a sample depends on its seed and index alone")
    func samples() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        let many = try model.sample((0..<20).map { SampleRow(seed: 5, index: $0) }, isCancelled: { false })
        let one = try model.sample([SampleRow(seed: 5, index: 13)], isCancelled: { false })
        #expect(one[0] == many[13])
        #expect(many[0] != many[1])
        #expect(try model.sample([SampleRow(seed: 6, index: 13)], isCancelled: { false })[0] != one[0])
    }

    @Test("a latent whose image is not finite is drawn anew, a sample that has none is an error")
    func redraws() throws {
        var model = try tinyModel(MaskedAutoregressiveFlow.self)
        var flow = model.flow
        flow.visitParameters { info, values in
            // e^87.8 times a normal overflows beyond 2.5 standard deviations: 7% of images of six dimensions
            if info.name == "standardize.log_scale" { values = values.map { _ in -87.8 } }
        }
        model = try DensityModel(flow: flow, record: model.record)
        let rows = (0..<300).map { SampleRow(seed: 4, index: UInt64($0)) }
        let images = try model.sample(rows, isCancelled: { false })
        #expect(images.count { $0.logDensity.isFinite } == 300)
        for i in [0, 77, 299] {
            let alone = try model.sample([rows[i]], isCancelled: { false })
            #expect(alone == [images[i]])
        }
        let engine = FlowEngine(flow)
        var latent = Matrix(rows: 300, columns: 6)
        var span = latent.elements.mutableSpan
        for r in 0..<300 { RandomStream.normals(seed: 4, stream: UInt64(r), to: &span, offset: 6 * r, count: 6) }
        let overflown = try engine.inverse(latent).x
        let lost = overflown.elements.count { !$0.isFinite }
        #expect(lost > 5, "there was something to draw anew")
        #expect(throws: FlowError.notFinite(argument: "sample", row: 1)) {
            try model.sample(
                [rows[0], SampleRow(seed: 4, index: 1, temperature: 1e30)], isCancelled: { false })
        }
        #expect(throws: FlowError.self) {
            try model.sample([SampleRow(seed: 0, index: SampleRow.indexLimit)], isCancelled: { false })
        }
    }

    /// Two dimensions of two levels: the four probabilities are estimated by importance-free averaging of `p(y)` over
    /// each cell, and by counting samples.
    @Test("samples appear as often as the density says")
    func samplesAgainstDensity() throws {
        let sizes: Sizes = ["layers": 2, "hidden": [6], "log_scale_bound": 2]
        let shape = EventShape(height: 1, width: 2, channels: 1)
        var flow = try MaskedAutoregressiveFlow(
            shape: EventShape(height: 1, width: 2, channels: 1), sizes: sizes, seed: 1)
        var random = RandomStream(seed: 3, stream: 3)
        flow.visitParameters { _, values in
            for i in values.indices { values[i] += 0.4 * random.normal() }
        }
        flow.restoreStructuralZeros()
        let model = try DensityModel(
            flow: flow,
            record: ModelRecord(
                name: "toy", architecture: "maf", sizes: sizes, eventShape: shape, levels: 2,
                dequantization: "uniform", logitAlpha: 1e-6, classes: [], parameterCount: flow.parameterCount,
                check: CheckVector(pixels: [0, 0], logProb: 0)))
        let draws = 4000
        let samples = try model.sample(
            (0..<UInt64(draws)).map { SampleRow(seed: 1, index: $0) }, isCancelled: { false })
        for image: [UInt8] in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let densities = try model.logDensities(
                of: (0..<UInt32(draws)).map { DensityRow(pixels: image, draw: $0) }, isCancelled: { false })
            // a cell has area 1/4
            let probability = densities.reduce(0) { $0 + $1.exponential } / Double(draws) / 4
            let frequency = Double(samples.count { $0.pixels == image }) / Double(draws)
            #expect(abs(probability - frequency) < 0.05, "\(image)")
        }
    }

    @Test("bad rows are refused with the limit")
    func badRows() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self, levels: 17)
        #expect(throws: FlowError.widthMismatch(argument: "pixels", expected: 6, actual: 5)) {
            try model.logDensities(of: [DensityRow(pixels: [0, 0, 0, 0, 0])], isCancelled: { false })
        }
        #expect(throws: FlowError.outOfRange(argument: "pixels", value: "17", allowed: "0 to 16")) {
            try model.logDensities(of: [DensityRow(pixels: [0, 0, 17, 0, 0, 0])], isCancelled: { false })
        }
        _ = try model.logDensities(of: [DensityRow(pixels: [0, 0, 16, 0, 0, 0])], isCancelled: { false })
    }

    @Test("each direction says how it is ordered")
    func orders() throws {
        let maf = try tinyModel(MaskedAutoregressiveFlow.self)
        let coupling = try tinyModel(AffineCouplingFlow.self)
        #expect((maf.densityOrder, maf.samplingOrder) == (.parallel, .sequential))
        #expect((coupling.densityOrder, coupling.samplingOrder) == (.parallel, .parallel))
    }
}
