import FlowCore
import FlowModels
import TestSupport
import Testing

/// What of a flow is in a file, in both versions of the format.
extension ModelFileTests {
    /// Every weight of a tiny model is away from zero, but for the masked ones.
    @Test(
        "masked zeros are not stored, and all else is, row by row", arguments: FlowRegistry.architectures.indices)
    func liveElements(_ index: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            let model = try tinyModel(type, classPrior: [0.5, 0.5])
            let bytes = try ModelFile.encode(model, precision: .float32)
            let tensors = unsafe try Safetensors.decode(bytes.span.bytes).tensors
            var flow = model.flow
            var live = 0
            flow.visitParameters { info, values in
                let tensor = tensors[info.name]
                live += tensor?.values.count ?? 0
                if info.reach == nil {
                    #expect(tensor?.shape == info.shape && tensor?.values == values)
                } else {
                    #expect(tensor?.shape.count == 1 && tensor?.values == values.filter { $0 != 0 })
                    #expect(values.contains(0))
                }
            }
            #expect(live == model.flow.parameterCount)
        }
        try check(FlowRegistry.architectures[index])
    }

    @Test("a masked flow of a single dimension, which has empty tensors, is written and read")
    func oneDimension() throws {
        let sizes: Sizes = ["layers": 1, "hidden": [3, 2], "log_scale_bound": 3]
        let shape = EventShape(height: 1, width: 1, channels: 1)
        let flow = BijectionLaws.perturbed(
            try MaskedAutoregressiveFlow(shape: shape, sizes: sizes, seed: 1), scale: 0.2, seed: 2)
        // biases, and those of standardisation
        #expect(flow.parameterCount == 9)
        let record = ModelRecord(
            name: "pixel", architecture: "maf", sizes: sizes, eventShape: shape, levels: 256,
            dequantization: "uniform", logitAlpha: 1e-3, classes: [], parameterCount: flow.parameterCount,
            check: CheckVector(pixels: [7], logProb: 0))
        let model = try DensityModel(flow: flow, record: record)
        let loaded = try load(ModelFile.encode(model, precision: .float32))
        let row = DensityRow(pixels: [200])
        #expect(
            try loaded.logDensities(of: [row], isCancelled: { false })
                == model.logDensities(of: [row], isCancelled: { false }))
    }

    /// `version-1.safetensors` is the tiny masked flow as the program wrote it before masked zeros were left out.
    @Test("a file of version 1 loads, counts what is not masked, and becomes one of version 2")
    func firstFormat() throws {
        let first = [UInt8](try fixture("version-1.safetensors"))
        let loaded = try load(first)
        #expect(parts(first).header.contains("\\\"parameter_count\\\":310"))
        #expect(loaded.record.formatVersion == 1 && loaded.record.parameterCount == 190)
        let row = DensityRow(pixels: [0, 9, 99, 255, 3, 70])
        let density = try loaded.logDensities(of: [row], isCancelled: { false })
        let model = try tinyModel(MaskedAutoregressiveFlow.self)
        #expect(
            try abs(density[0] - model.logDensities(of: [row], isCancelled: { false })[0])
                <= ModelFile.checkTolerance(dims: 6))

        let second = try ModelFile.encode(loaded, precision: .float32)
        let again = try load(second)
        #expect(again.record.formatVersion == 2 && again.record.parameterCount == 190)
        #expect(try again.logDensities(of: [row], isCancelled: { false }) == density)
        #expect(parts(first).tensors.count == 4 * 310 && parts(second).tensors.count == 4 * 190)
        // the number alone does not make a file of another version
        let (header, tensors) = parts(first)
        #expect(
            error(file(header.replacing("\\\"format_version\\\":1", with: "\\\"format_version\\\":2"), tensors))
                == .wrongParameterCount(expected: 190, actual: 310))
        #expect(
            error(file(header.replacing("[6,5]", with: "[6,6]"), tensors))
                == .wrongParameterCount(expected: 348, actual: 310))
    }

    @Test("a weight outside its mask, for which a file of version 1 has room, is refused")
    func mask() throws {
        let (header, tensors) = parts([UInt8](try fixture("version-1.safetensors")))
        // the last weight of the first row of layers.0.weights.0, which starts at byte 48
        var bad = tensors
        bad[48 + 4 * 5 + 3] = 0x3F
        #expect(error(file(header, bad)) == .maskViolated)
    }
}
