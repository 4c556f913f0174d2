import FlowCore
import FlowModels
import Testing

@Suite("States between latent and image")
struct StateTests {
    @Test(
        "begin with the latent, end with the image, and have a step for each map",
        arguments: FlowRegistry.architectures.indices)
    func steps(index: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            let model = try tinyModel(type, classPrior: [0.5, 0.5])
            let dims = model.record.eventShape.dims
            let engine = FlowEngine(model.flow)
            // standardisation and two layers at least
            #expect(engine.steps >= 3)
            let z = (0..<dims).map { Float($0 % 5) / 4 - 0.5 }
            let context: [Float] = [0, 1]
            var steps: [(step: Int, values: [Float])] = []
            try engine.inverseSteps(z, context: context, isCancelled: { false }) { steps.append(($0, $1)) }
            #expect(steps.map(\.step) == Array(0...engine.steps))
            var (x, logDet) = (z, [Float(0)])
            try engine.inverse(z, context: context, rows: 1, x: &x, logDet: &logDet, isCancelled: { false })
            #expect(steps.first?.values == z && steps.last?.values == x)
            #expect(throws: FlowError.cancelled) {
                try engine.inverseSteps(z, context: context, isCancelled: { true }) { _, _ in }
            }

            let row = LatentRow(latent: z, classIndex: 1, wantsStates: true)
            let decoded = try #require(try model.decode([row], isCancelled: { false })[0])
            #expect(decoded.states.count == engine.steps + 1 && decoded.states.last == decoded.image.pixels)
            #expect(decoded.states.allSatisfy { $0.count == dims })
            var plain = row
            plain.wantsStates = false
            let without = try #require(try model.decode([plain], isCancelled: { false })[0])
            #expect(without.states.isEmpty && without.image == decoded.image)
        }
        try check(FlowRegistry.architectures[index])
    }

    @Test("are at most so many of a deep flow, the first and the last among them")
    func most() throws {
        func states(layers: Int) throws -> DecodedLatent {
            let shape = EventShape(height: 2, width: 3, channels: 1)
            let sizes = try (["layers": .integer(layers), "hidden": [4]] as Sizes).resolved(by: NICEFlow.fields)
            let flow = try NICEFlow(shape: shape, sizes: sizes, seed: 1)
            let model = try DensityModel(
                flow: flow,
                record: ModelRecord(
                    name: "deep", architecture: NICEFlow.architectureName, sizes: sizes, eventShape: shape, levels: 256,
                    dequantization: "uniform", logitAlpha: 1e-3, classes: ["thing"],
                    parameterCount: flow.parameterCount,
                    check: CheckVector(pixels: [0, 51, 102, 153, 204, 255], logProb: 0)))
            let row = LatentRow(latent: [0.5, -0.5, 1, 0, 2, -1], wantsStates: true)
            return try #require(try model.decode([row], isCancelled: { false })[0])
        }
        let few = try states(layers: 8)
        #expect((9...DecodedLatent.mostStates).contains(few.states.count))
        let many = try states(layers: 40)
        #expect(many.states.count == DecodedLatent.mostStates && many.states.last == many.image.pixels)
    }

    @Test("of an executor that tells nothing between are the two ends")
    func ends() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        let other = try DensityModel(flow: model.flow, record: model.record) { flow, precision in
            PlainExecutor(engine: FlowEngine(flow, precision: precision))
        }
        let row = LatentRow(latent: [0.5, -0.5, 1, 0, 2, -1], wantsStates: true)
        let decoded = try #require(try other.decode([row], isCancelled: { false })[0])
        #expect(decoded.states.count == 2 && decoded.states.last == decoded.image.pixels)
    }
}

/// The two directions of an engine, and nothing more.
private struct PlainExecutor: FlowExecutor {
    let engine: FlowEngine
    var dims: Int { engine.dims }
    var contextDims: Int { engine.contextDims }
    var tileRows: Int { engine.tileRows }

    func forward(_ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float]) throws {
        engine.forward(x, context: context, rows: rows, z: &z, logDet: &logDet)
    }

    func inverse(
        _ z: [Float], context: [Float], rows: Int, x: inout [Float], logDet: inout [Float], isCancelled: () -> Bool
    ) throws {
        try engine.inverse(z, context: context, rows: rows, x: &x, logDet: &logDet, isCancelled: isCancelled)
    }
}
