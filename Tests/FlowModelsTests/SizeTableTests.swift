import FlowCore
import FlowKernels
import FlowLayers
import FlowModels
import FoundationEssentials
import TestSupport
import Testing

/// A transform with a size of its own, as a new one would come: a spline by another name.
private enum BentTransform: TransformFamily {
    static let bends = SizeField<Int>("bends", standard: 6, .range(2...16), help: "Bends of each.") { "\($0) bends" }
    static let fields: [any SizeDescription] = [bends]
    static func transform(_ sizes: Sizes) -> UnivariateTransform { .spline(bins: sizes[bends], tailBound: 4) }
}

private struct BentCouplingFlow: VectorFlow {
    static let architectureName = "bent-coupling"
    typealias Transform = BentTransform

    var standardize: ActNorm
    var layers: [Coupling]
}

@Suite("Sizes of architectures")
struct SizeTableTests {
    @Test("architectures that have a size of one name have the same one, so that its option means one thing")
    func names() throws {
        for architecture in FlowRegistry.architectures {
            #expect(Set(architecture.fields.map { $0.name }).count == architecture.fields.count)
            for field in architecture.fields {
                let first = try #require(FlowRegistry.fields.first { $0.name == field.name })
                #expect(first.help == field.help && first.allowedWords == field.allowedWords)
                #expect(first.standardValue == field.standardValue && first.kind == field.kind)
            }
        }
    }

    @Test("an architecture begins with sizes that it can be built from")
    func defaults() throws {
        for architecture in FlowRegistry.architectures {
            let sizes = try architecture.defaultSizes.resolved(by: architecture.fields)
            #expect(sizes == architecture.defaultSizes, "\(architecture.architectureName)")
            let shape = EventShape(height: 8, width: 8, channels: 1)
            let count = architecture.parameterCount(shape: shape, sizes: sizes)
            #expect(count ?? 0 > 0)
        }
        #expect(SplineConvolutionalFlow.defaultSizes["kernel"] == 5 && GlowFlow.defaultSizes["kernel"] == 3)
        #expect(NICEFlow.defaultSizes["log_scale_bound"] == nil && MaskedAutoregressiveFlow.defaultSizes["bins"] == nil)
    }

    /// Files of version 2 have had these, whatever their architecture; programs that read it ask for them.
    @Test("a record has the sizes that every file has, and those that its architecture alone has")
    func recorded() throws {
        let everywhere = [
            "activation", "bins", "classes", "gated", "hidden", "kernel", "layers", "log_scale_bound", "residual",
            "scales", "tail_bound",
        ]
        for architecture in FlowRegistry.architectures {
            let record = ModelRecord(
                name: "m", architecture: architecture.architectureName, sizes: architecture.defaultSizes,
                eventShape: EventShape(height: 8, width: 8, channels: 1), levels: 2, dequantization: "uniform",
                logitAlpha: 0.1, classes: [], parameterCount: 1, check: CheckVector(pixels: [], logProb: 0))
            // a younger size stands there where it is not the standard one
            let own = architecture.fields.filter { $0.isRequired || everywhere.contains($0.name) }.map { $0.name }
            #expect(record.recordedSizes.names == Set(everywhere + own).sorted())
            for name in own { #expect(record.recordedSizes[name] == architecture.defaultSizes[name]) }
        }
    }

    @Test("a belief stands in a record where there is one")
    func recordedBelief() throws {
        func recorded(_ belief: SizeValue) throws -> SizeValue? {
            var sizes = SplineConvolutionalFlow.defaultSizes
            (sizes["belief"], sizes.classes) = (belief, 2)
            return ModelRecord(
                name: "m", architecture: "nsf-convolutional", sizes: sizes,
                eventShape: EventShape(height: 8, width: 8, channels: 1), levels: 2, dequantization: "uniform",
                logitAlpha: 0.1, classes: ["a", "b"], parameterCount: 1, check: CheckVector(pixels: [], logProb: 0)
            ).recordedSizes["belief"]
        }
        #expect(try recorded([]) == nil && recorded([16, 16]) == [16, 16])
    }

    @Test("sizes in words are those that the architecture has")
    func words() {
        #expect(
            GlowFlow.description(of: ["layers": 2, "hidden": [16, 16], "gated": true, "classes": 3, "bins": 4])
                == "2 layers of [16, 16], relu, convolutions of 3×3, gated, 2 scales, log-scales within ±5.0, 3 classes"
        )
        #expect(
            SplineCouplingFlow.description(of: ["layers": 2, "hidden": [16], "bins": 4, "residual": true, "kernel": 7])
                == "2 layers of [16], relu, residual, splines of 4 bins, bent within ±5.0")
        #expect(NICEFlow.description(of: ["activation": "tanh"]) == "5 layers of [512, 512], tanh")
    }

    @Test("a transform that brings a size of its own is a flow with that size, and nothing else has it")
    func newTransform() throws {
        #expect(
            BentCouplingFlow.fields.map(\.name) == [
                "layers", "hidden", "activation", "residual", "order", "bends", "classes",
            ])
        let sizes = try (["layers": 2, "hidden": [7], "bends": 3] as Sizes).resolved(by: BentCouplingFlow.fields)
        #expect(BentCouplingFlow.description(of: sizes) == "2 layers of [7], relu, 3 bends")
        let shape = EventShape(height: 1, width: 4, channels: 1)
        let flow = try BentCouplingFlow(shape: shape, sizes: sizes, seed: 1)
        #expect(flow.parameterCount == BentCouplingFlow.parameterCount(shape: shape, sizes: sizes))
        let spline = try SplineCouplingFlow(
            shape: shape, sizes: ["layers": 2, "hidden": [7], "bins": 3, "tail_bound": 4], seed: 1)
        #expect(flow.parameterCount == spline.parameterCount)
        #expect(throws: FlowError.outOfRange(argument: "bends", value: "1", allowed: "2 to 16")) {
            try (["bends": 1] as Sizes).resolved(by: BentCouplingFlow.fields)
        }
        for architecture in FlowRegistry.architectures {
            #expect(!architecture.fields.contains { $0.name == "bends" })
        }
    }
}
