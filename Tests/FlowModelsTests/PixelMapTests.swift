import FlowCore
import Glibc
import TestSupport
import Testing

@testable import FlowModels

@Suite("What each pixel has to do with a density")
struct PixelMapTests {
    private static let architectures = FlowRegistry.architectures.indices

    private func model(_ index: Int, classPrior: [Double]? = nil, layers: Int = 2) throws -> DensityModel {
        func make<Flow: FlowArchitecture>(_ type: Flow.Type) throws -> DensityModel {
            try tinyModel(type, levels: 17, classPrior: classPrior)
        }
        return try make(FlowRegistry.architectures[index])
    }

    private func row(_ model: DensityModel, seed: UInt64, classIndex: Int? = nil) -> DensityRow {
        var random = RandomStream(seed: seed, stream: 0)
        let pixels = (0..<model.record.eventShape.dims).map { _ in UInt8(random.uniform() * 17) }
        return DensityRow(pixels: pixels, classIndex: classIndex)
    }

    /// A flow of one causal map, whose terms are exact.
    private func causal(_ classPrior: [Double]? = nil) throws -> DensityModel {
        let shape = EventShape(height: 4, width: 4, channels: 2)
        let sizes: Sizes = [
            "layers": 1, "hidden": [16, 16], "kernel": 3, "classes": .integer(classPrior?.count ?? 0),
        ]
        let all = try sizes.resolved(by: SplineConvolutionalFlow.fields)
        let flow = BijectionLaws.perturbed(
            try SplineConvolutionalFlow(shape: shape, sizes: all, seed: 1), scale: 0.3, seed: 2)
        return try DensityModel(
            flow: flow,
            record: ModelRecord(
                name: "causal", architecture: "nsf-convolutional", sizes: all, eventShape: shape, levels: 17,
                dequantization: "uniform", logitAlpha: 1e-3, classes: classPrior?.indices.map { "\($0)" } ?? [],
                classPrior: classPrior, parameterCount: flow.parameterCount,
                check: CheckVector(pixels: Array(repeating: 0, count: 32), logProb: 0)))
    }

    @Test("conditional terms add up to the log-density; those before a pixel do not know it")
    func conditional() throws {
        for (model, classIndex) in [(try causal(), nil), (try causal([0.5, 0.5]), 1)] {
            #expect(model.pixelMapKind == .conditional)
            let rows = (0..<70).map { row(model, seed: UInt64($0), classIndex: classIndex) }
            let maps = try model.pixelMaps(of: rows, isCancelled: { false })
            let densities = try model.logDensities(of: rows, isCancelled: { false })
            for (map, density) in zip(maps, densities) {
                #expect(map.values.count == 16 && map.kind == .conditional)
                #expect(abs(map.values.reduce(0, +) - density) < 2e-3)
            }
            // In any batch the same bits.
            #expect(try model.pixelMaps(of: [rows[3]], isCancelled: { false }) == [maps[3]])
        }
    }

    @Test("the flow's diagonal is that of its Jacobian, by differences, and triangular maps say so")
    func diagonal() throws {
        let shape = EventShape(height: 3, width: 3, channels: 1)
        let flows: [(any FlowArchitecture, TriangularOrder?)] = [
            (try flow(SplineConvolutionalFlow.self, shape, layers: 1), .rising),
            (try flow(MixtureConvolutionalFlow.self, shape, layers: 1), .rising),
            (try flow(MaskedAutoregressiveFlow.self, shape, layers: 1), .rising),
            (try flow(SplineAutoregressiveFlow.self, shape, layers: 1), .rising),
            (try flow(MixtureAutoregressiveFlow.self, shape, layers: 1), .rising),
            (try flow(MaskedAutoregressiveFlow.self, shape, layers: 2), nil),
            (try flow(AffineCouplingFlow.self, shape, layers: 2), nil),
            (try flow(SplineConvolutionalFlow.self, shape, layers: 2), nil),
        ]
        for (flow, order) in flows { try check(flow, order) }
    }

    private func flow<Flow: FlowArchitecture>(_: Flow.Type, _ shape: EventShape, layers: Int) throws -> Flow {
        let sizes: Sizes = ["layers": .integer(layers), "hidden": [16, 16], "kernel": 3]
        let own = try sizes.filteredForTests(by: Flow.fields).resolved(by: Flow.fields)
        return BijectionLaws.perturbed(try Flow(shape: shape, sizes: own, seed: 3), scale: 0.2, seed: 4)
    }

    private func check(_ flow: some FlowArchitecture, _ order: TriangularOrder?) throws {
        let engine = FlowEngine(flow)
        #expect(engine.triangularOrder == order)
        guard order != nil else { return }
        var random = RandomStream(seed: 5, stream: 0)
        let dims = flow.dims
        let x = (0..<dims).map { _ in random.normal() }
        func forward(_ x: [Float]) -> (z: [Float], logDet: [Float], diagonal: [Float]) {
            var (z, logDet, diagonal) = (x, [Float](repeating: 0, count: 1), x)
            engine.forward(x, context: [], rows: 1, z: &z, logDet: &logDet, logDerivatives: &diagonal)
            return (z, logDet, diagonal)
        }
        let (z, logDet, diagonal) = forward(x)
        var (plainZ, plainLogDet) = (x, [Float](repeating: 0, count: 1))
        engine.forward(x, context: [], rows: 1, z: &plainZ, logDet: &plainLogDet)
        #expect(z == plainZ && logDet == plainLogDet)
        #expect(abs(diagonal.reduce(0, +) - logDet[0]) < 1e-3)
        for d in 0..<dims {
            let h: Float = 1e-2
            var (more, less) = (x, x)
            more[d] += h
            less[d] -= h
            let (up, down) = (forward(more).z, forward(less).z)
            let slope = (up[d] - down[d]) / (2 * h)
            #expect(abs(log(slope) - diagonal[d]) < 0.05, "\(type(of: flow)) \(d): \(log(slope)) \(diagonal[d])")
            for before in 0..<d { #expect(up[before] == z[before], "dimension \(before) knows \(d)") }
        }
    }

    @Test("gradients of all architectures are differences of the log-density", arguments: architectures)
    func gradients(index: Int) throws {
        let model = try model(index)
        guard model.pixelMapKind == .gradient else { return }
        let row = row(model, seed: 9)
        let map = try model.pixelMaps(of: [row], isCancelled: { false })[0]
        #expect(map.values.count == model.record.eventShape.dims && map.kind == .gradient)
        #expect(map.values.contains { $0 > 0 })
        // In the flow's input, since an image moves by whole levels, which brings other noise.
        let flow = model.flow
        var random = RandomStream(seed: 2, stream: 0)
        let w = (0..<flow.dims).map { _ in random.normal() }
        try compare(flow, w, model.preprocessing)
    }

    private func compare(_ flow: some FlowArchitecture, _ w: [Float], _ preprocessing: Preprocessing) throws {
        func density(_ w: [Float]) throws -> Double {
            let (z, logDet) = try flow.forward(Matrix(rows: 1, columns: flow.dims, elements: w))
            var logs = w
            preprocessing.logDerivatives(ofInput: w, offset: 0, to: &logs)
            let base = z.elements.reduce(0.0) { $0 - 0.5 * Double($1) * Double($1) }
            return base + Double(logDet[0]) + logs.reduce(0.0) { $0 + Double($1) }
        }
        var (z, _, tape) = try flow.forwardTaped(Matrix(rows: 1, columns: flow.dims, elements: w), context: nil)
        for j in z.elements.indices { z.elements[j] = -z.elements[j] }
        var gradient = flow.backward(Cotangent(dz: z, dLogDet: [1]), through: &tape).elements
        preprocessing.pullBack(dw: &gradient, ofInput: w)
        // Networks with kinks have slopes that jump between two points, so the vectors are compared as a whole.
        var (products, squares, own) = (0.0, 0.0, 0.0)
        for j in w.indices {
            let h: Float = 4e-3
            var (more, less) = (w, w)
            more[j] += h
            less[j] -= h
            // levels that w moves by
            let s = 1 / (1 + exp(-Double(w[j])))
            let levels = Double(2 * h) * s * (1 - s) * Double(preprocessing.levels) / (1 - 2 * preprocessing.logitAlpha)
            let slope = (try density(more) - density(less)) / levels
            products += slope * Double(gradient[j])
            squares += slope * slope
            own += Double(gradient[j]) * Double(gradient[j])
        }
        #expect(products > 0.98 * (squares * own).squareRoot(), "\(type(of: flow))")
        #expect(abs(own / squares - 1) < 0.15, "\(type(of: flow)): \(own / squares)")
    }

    @Test("the strength of a pixel is between nothing and all")
    func strength() {
        let conditional = PixelMap(kind: .conditional, values: [3, 0, -3, -6, -60])
        #expect(conditional.strength == [0, 0, 0.5, 1, 1])
        #expect(PixelMap(kind: .gradient, values: [0, 1, 4]).strength == [0, 0.25, 1])
        #expect(PixelMap(kind: .gradient, values: [0, 0]).strength == [0, 0])
    }

    // MARK: - Statistics of terms

    @Test("statistics of terms are those of their definition")
    func statistics() {
        let shape = EventShape(height: 2, width: 3, channels: 1)
        let found = TermStatistics([9, 1, -1, -2, 3, 2, -3], offset: 1, shape: shape)
        #expect(found.unlikely == 0.5 && found.longestRun == 2.0 / 3)
        // the mean is 0
        #expect(abs(found.spread - (28.0 / 6).squareRoot()) < 1e-12)
        // terms 1 -1 -2 over 3 2 -3, each times the mean of its right and lower neighbour
        let products: [Double] = [1 * (-1 + 3) / 2, -1 * (-2 + 2) / 2, -2 * -3 / 2, 3 * 2 / 2, 2 * -3 / 2]
        let mean = products.reduce(0, +) / 6
        #expect(abs(found.correlation - mean / (28.0 / 6)) < 1e-12)
        #expect(TermStatistics([1, 1, 1, 1, 1, 1], offset: 0, shape: shape).correlation == 0)
        let pairs = TermStatistics([1, -2, 0, 2], offset: 0, shape: EventShape(height: 1, width: 2, channels: 2))
        #expect(pairs.unlikely == 0.5 && pairs.longestRun == 0.5, "channels are added up")
    }

    @Test("rows that want evidence have the terms' statistics, and the same density")
    func evidence() throws {
        let model = try causal()
        var asked = row(model, seed: 1)
        let plain = try model.densities(of: [asked], isCancelled: { false })[0]
        asked.wantsEvidence = true
        let found = try model.densities(of: [asked], isCancelled: { false })[0]
        #expect(found.logProb == plain.logProb)
        let evidence = try #require(found.evidence)
        let spread = try #require(Evidence.all.firstIndex { $0.name == "pixel_spread" })
        #expect(evidence[spread] > 0)
        let coupling = try tinyModel(AffineCouplingFlow.self, levels: 17)
        asked = row(coupling, seed: 1)
        asked.wantsEvidence = true
        let other = try #require(try coupling.densities(of: [asked], isCancelled: { false })[0].evidence)
        #expect(other[spread].isNaN, "a coupling has no terms")
    }
}

extension Sizes {
    /// Those that an architecture has.
    fileprivate func filteredForTests(by fields: [any SizeDescription]) -> Sizes {
        var kept = Sizes()
        for field in fields { if let value = self[field.name] { kept[field.name] = value } }
        return kept
    }
}
