import CAllocationCounter
import FlowCore
import FlowKernels
import FlowModels
import TestSupport
import Testing

@Suite("Flow engine")
struct EngineTests {
    private func flow<Flow: FlowArchitecture>(
        _: Flow.Type, dims: Int, _ hidden: [Int], _ activation: Activation = .relu,
        residual: Bool = false, bins: Int = 8, height: Int = 1
    ) throws -> Flow {
        let flow = try Flow(
            shape: EventShape(height: height, width: dims / height, channels: 1),
            sizes: [
                "layers": 3, "hidden": .integers(hidden), "log_scale_bound": 5, "activation": activation.sizeValue,
                "residual": .flag(residual), "bins": .integer(bins),
            ],
            seed: 1)
        return BijectionLaws.perturbed(flow, scale: 0.1, seed: 2)
    }

    private func flows() throws -> [any FlowArchitecture] {
        [
            try flow(MaskedAutoregressiveFlow.self, dims: 45, [70, 40]),
            try flow(MaskedAutoregressiveFlow.self, dims: 20, [33, 33, 33], .gelu, residual: true),
            try flow(InverseAutoregressiveFlow.self, dims: 45, [70, 40]),
            try flow(SplineAutoregressiveFlow.self, dims: 45, [70, 40]),
            try flow(SplineAutoregressiveFlow.self, dims: 20, [33, 33, 33], .gelu, residual: true, bins: 5),
            try flow(SplineCouplingFlow.self, dims: 37, [50], .tanh, bins: 3),
            try flow(AffineCouplingFlow.self, dims: 37, [50], .tanh),
            try flow(AffineCouplingFlow.self, dims: 64, [40, 40, 40], .elu, residual: true),
            try flow(RealNVPFlow.self, dims: 32, [16], .elu, height: 4),
            try flow(SplineGlowFlow.self, dims: 32, [16, 16], bins: 4, height: 4),
            // large enough for minimal filters
            try flow(SplineGlowFlow.self, dims: 128, [16], bins: 4, height: 16),
            try flow(SplineConvolutionalFlow.self, dims: 20, [16, 16], .gelu, bins: 4, height: 5),
            try flow(NICEFlow.self, dims: 37, [50, 30], .tanh),
        ]
    }

    private func rows(_ count: Int, _ dims: Int, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, stream: 0)
        return Matrix(rows: count, columns: dims, elements: (0..<count * dims).map { _ in random.normal() })
    }

    @Test("a row has the same bits alone and in any batch, in both directions", arguments: WeightPrecision.allCases)
    func composition(_ precision: WeightPrecision) throws {
        for flow in try flows() {
            let engine = FlowEngine(flow, precision: precision)
            let all = rows(150, flow.dims, seed: 3)
            let z = try engine.forward(all)
            let x = try engine.inverse(all)
            var random = RandomStream(seed: 4, stream: 0)
            for _ in 0..<25 {
                // batches of 1 to 150 rows in any order, some of them twice
                let picked = (0..<Int.random(in: 1...150, using: &random)).map { _ in
                    Int.random(in: 0..<150, using: &random)
                }
                var batch = Matrix(rows: picked.count, columns: flow.dims)
                for (to, from) in picked.enumerated() { for j in 0..<flow.dims { batch[to, j] = all[from, j] } }
                let forward = try engine.forward(batch)
                let inverse = try engine.inverse(batch)
                for (to, from) in picked.enumerated() {
                    #expect((0..<flow.dims).allSatisfy { forward.z[to, $0] == z.z[from, $0] })
                    #expect((0..<flow.dims).allSatisfy { inverse.x[to, $0] == x.x[from, $0] })
                    #expect(forward.logDet[to] == z.logDet[from] && inverse.logDet[to] == x.logDet[from])
                }
            }
        }
    }

    @Test("inverse undoes forward for every activation, plain and residual")
    func roundTrip() throws {
        for flow in try flows() {
            let engine = FlowEngine(flow)
            let x = rows(70, flow.dims, seed: 5)
            let (z, logDet) = try engine.forward(x)
            let (back, inverseLogDet) = try engine.inverse(z)
            // errors grow along the dimensions of three maps
            // where a spline is flat, its inverse enlarges them more than an affine map of these parameters does
            let bound: Float = type(of: flow).architectureName.hasPrefix("nsf") ? 5e-3 : 1e-3
            #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) <= bound * max(1, abs($0)) })
            #expect(zip(logDet, inverseLogDet).allSatisfy { abs($0 + $1) <= 1e-3 })
            #expect(x.elements != z.elements)
        }
    }

    @Test("in bfloat16 densities stay near those in single precision, and couplings are undone exactly")
    func halfPrecision() throws {
        for flow in try flows() {
            let x = rows(150, flow.dims, seed: 8)
            func logDensities(_ engine: FlowEngine) throws -> [Double] {
                let (z, logDet) = try engine.forward(x)
                return zip(standardNormalLogDensity(z), logDet).map { $0 + Double($1) }
            }
            let engine = FlowEngine(flow, precision: .bf16)
            let (single, half) = try (logDensities(FlowEngine(flow)), logDensities(engine))
            let changes = zip(single, half).map { abs($0 - $1) / Double(flow.dims) }
            // Factors are rounded by 2⁻⁹ at most, errors that mostly cancel in a sum; nats a dimension.
            #expect(changes.reduce(0, +) / 150 <= 0.01 && changes.max()! <= 0.2)
            // convolutions stay in single precision
            #expect((changes.reduce(0, +) == 0) == (flow is any ImageFlow))
            let back = try engine.inverse(engine.forward(x).z).x
            // The sequential direction adds in another order: now and then a factor in the middle between two numbers is
            // rounded to the other one.
            let bound: Float = flow.inverseOrder == .sequential ? 1e-2 : 1e-3
            #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) <= bound * max(1, abs($0)) })
        }
    }

    @Test("threads that share an engine get the same bits", arguments: WeightPrecision.allCases)
    func threads(_ precision: WeightPrecision) async throws {
        let flow = try flows()[0]
        let engine = FlowEngine(flow, precision: precision)
        let x = rows(64, flow.dims, seed: 6)
        let expected = try engine.forward(x).z
        let agree = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { try engine.forward(x).z == expected } }
            return try await group.allSatisfy { $0 }
        }
        #expect(agree)
    }

    @Test("neither direction allocates once its workspace is there", arguments: WeightPrecision.allCases)
    func allocations(_ precision: WeightPrecision) throws {
        for flow in try flows() {
            let engine = FlowEngine(flow, precision: precision)
            let x = rows(100, flow.dims, seed: 7)
            var z = x.elements
            var logDet = [Float](repeating: 0, count: x.rows)
            func count(_ body: (inout MutableSpan<Float>, inout MutableSpan<Float>) throws -> Void) rethrows -> Int {
                var zSpan = z.mutableSpan
                var logDetSpan = logDet.mutableSpan
                try body(&zSpan, &logDetSpan)
                let before = allocation_count()
                for _ in 0..<3 { try body(&zSpan, &logDetSpan) }
                return allocation_count() - before
            }
            let density = count { engine.forward(x.elements.span, rows: x.rows, z: &$0, logDet: &$1) }
            let sampling = try count { try engine.inverse(x.elements.span, rows: x.rows, x: &$0, logDet: &$1) }
            #expect(density == 0 && sampling == 0, "\(density) \(sampling)")
        }
        #expect(try flows().contains { FlowEngine($0).multiplyAddsDone.forward < FlowEngine($0).multiplyAdds })
        // where there is a second form of the weights, it is counted
        for flow in try flows() {
            let engine = FlowEngine(flow)
            let hasFilters = engine.multiplyAddsDone.forward < engine.multiplyAdds
            #expect((engine.formBytes > 0) == hasFilters)
        }
        // the counter does count
        let before = allocation_count()
        let block = [Int](repeating: 1, count: 1000)
        #expect(block.count == 1000 && allocation_count() > before)
    }
}
