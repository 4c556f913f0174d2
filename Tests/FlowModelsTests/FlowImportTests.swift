import FlowCore
@testable import FlowModels
import Testing
import TestSupport

/// Flows that nflows 0.14, normflows 1.7.3 and zuko 1.6.0 made (Tests/Goldens/imports.py).
@Suite("Imports")
struct FlowImportTests {
    struct Case: Sendable, CustomTestStringConvertible {
        /// Name of the fixture: the dialect, then what is special about it.
        let testDescription: String
        var dialect: String { String(testDescription.prefix { $0 != "." }) }
        let architecture: String
        var slope: Double? { dialect.hasPrefix("zuko") ? 0.001 : nil }
        var tailBound: Float? { dialect.contains("nsf") ? 3 : nil }

        static let all = [
            Case(testDescription: "nflows-maf", architecture: "maf"),
            Case(testDescription: "nflows-maf.plain", architecture: "maf"),
            Case(testDescription: "nflows-realnvp", architecture: "coupling"),
            Case(testDescription: "nflows-nsf-autoregressive", architecture: "nsf-autoregressive"),
            Case(testDescription: "nflows-nsf-autoregressive.rising", architecture: "nsf-autoregressive"),
            Case(testDescription: "nflows-nsf-coupling", architecture: "nsf-coupling"),
            Case(testDescription: "zuko-maf", architecture: "maf"),
            Case(testDescription: "zuko-realnvp", architecture: "coupling"),
            Case(testDescription: "normflows-maf", architecture: "iaf"),
        ]

        static func named(_ name: String) throws -> Case {
            try #require(all.first { $0.testDescription == name })
        }
    }

    /// Tensors of a fixture, of which a test changes some.
    private func tensors(_ name: String) throws -> [String: Safetensors.Tensor] {
        let bytes = try [UInt8](fixture("Imports/\(name).safetensors"))
        return unsafe try Safetensors.decode(bytes.span.bytes, readsBuffers: true).tensors
    }

    private func run(
        _ row: Case, dialect: String? = nil, slope: Double?? = .none, checkpoint: [String: Safetensors.Tensor]? = nil,
        check: [String: Safetensors.Tensor]? = nil, shape: EventShape = EventShape(height: 2, width: 3, channels: 1)
    ) throws -> FlowImport.Result {
        func encoded(_ tensors: [String: Safetensors.Tensor]?, _ name: String) throws -> [UInt8] {
            guard let tensors else { return try [UInt8](fixture("Imports/\(name).safetensors")) }
            return try Safetensors.encode(
                tensors.values.sorted { $0.name < $1.name }, metadata: [:], precision: .float32)
        }
        let (checkpoint, check) = (
            try encoded(checkpoint, row.testDescription), try encoded(check, "\(row.testDescription).check")
        )
        return unsafe try FlowImport.model(
            checkpoint: checkpoint.span.bytes, check: check.span.bytes,
            options: FlowImportOptions(
                dialect: dialect ?? row.dialect, shape: shape, levels: 256,
                logitAlpha: 0.05, name: "imported", slope: slope ?? row.slope, tailBound: row.tailBound))
    }

    @Test("each dialect gives the library's log-densities", arguments: Case.all)
    func densities(_ row: Case) throws {
        let result = try run(row)
        #expect(result.rows == 8 && result.largestDifference <= 1e-5)
        #expect(result.model.record.architecture == row.architecture)
        #expect(result.model.flow.holdsStructuralZeros)
    }

    @Test("what is imported is a model file as any other", arguments: Case.all)
    func files(_ row: Case) throws {
        let model = try run(row).model
        let bytes = try ModelFile.encode(model, precision: .float32)
        let loaded = unsafe try ModelFile.load(bytes.span.bytes)
        #expect(loaded.record.recordedSizes == model.record.recordedSizes)
        let rows = [DensityRow(pixels: [0, 40, 90, 128, 200, 255])]
        let (a, b) = (
            try model.densities(of: rows, isCancelled: { false })[0],
            try loaded.densities(of: rows, isCancelled: { false })[0]
        )
        #expect(a.logProb == b.logProb)
    }

    @Test("both directions of an imported flow are inverse to one another", arguments: Case.all)
    func inverses(_ row: Case) throws {
        let flow = try run(row).model.flow
        let x = try tensors("\(row.testDescription).check")["x"]!
        let rows = Matrix(rows: x.shape[0], columns: 6, elements: x.values)
        let (z, logDet) = try flow.forward(rows)
        let (back, inverse) = try flow.inverse(z, isCancelled: { false })
        for (a, b) in zip(back.elements, rows.elements) { #expect(abs(a - b) <= 1e-3 * max(1, abs(b))) }
        for (a, b) in zip(logDet, inverse) { #expect(abs(a + b) <= 1e-3) }
    }

    @Test("a density of logits that were standardised is shifted and scaled")
    func standardised() throws {
        let row = try Case.named("zuko-maf")
        var check = try tensors("zuko-maf.check")
        check["mean"] = .init(name: "mean", shape: [6], values: [1, 2, 3, 4, 5, 6])
        check["std"] = .init(name: "std", shape: [6], values: [2, 2, 2, 2, 2, 2])
        let (plain, moved) = (try run(row).model.flow, try run(row, check: check).model.flow)
        let w = Matrix(rows: 1, columns: 6, elements: [3, 1, 2, 5, 4, 7])
        let standardised = Matrix(rows: 1, columns: 6, elements: [1, -0.5, -0.5, 0.5, -0.5, 0.5])
        let (a, b) = (try moved.forward(w), try plain.forward(standardised))
        #expect(zip(a.z.elements, b.z.elements).allSatisfy { abs($0 - $1) <= 1e-5 })
        #expect(abs(a.logDet[0] - (b.logDet[0] - 6 * Float(0.6931472))) <= 1e-4)
    }

    // MARK: Refusals

    private func refusal(_ body: () throws -> FlowImport.Result) -> String {
        do {
            _ = try body()
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test("a slope that is not the one of the training is refused by the check vector")
    func slope() throws {
        let row = try Case.named("zuko-maf")
        #expect(refusal { try run(row, slope: .some(1e-4)) }.contains("the check vector is not met: in row"))
        #expect(refusal { try run(row, slope: .some(nil)) } == "--slope is needed by zuko-maf: no file says it")
        #expect(refusal { try run(row, slope: .some(1)) }.contains("must be above 0 and below 1"))
        #expect(
            refusal { try run(try Case.named("nflows-maf"), slope: .some(1e-3)) } == "--slope is none of nflows-maf")
    }

    @Test("another dialect is refused")
    func dialect() throws {
        let row = try Case.named("nflows-maf")
        #expect(
            refusal { try run(row, dialect: "zuko-maf", slope: .some(1e-3)) }.contains(
                "has no \"transform.transforms.0.order\""))
        #expect(refusal { try run(row, dialect: "normflows-maf") }.contains("has no \"flows.0"))
        #expect(refusal { try run(row, dialect: "nflows") }.contains("it must be nflows-maf, "))
        // normflows' flow is the same network with the directions exchanged: only the check vector tells
        var renamed: [String: Safetensors.Tensor] = [:]
        for (key, tensor) in try tensors("normflows-maf") where !key.hasPrefix("q0") {
            let name = key.replacing("flows.", with: "_transform._transforms.")
            renamed[name] = .init(name: name, shape: tensor.shape, values: tensor.values)
        }
        #expect(
            refusal { try run(try Case.named("normflows-maf"), dialect: "nflows-maf", checkpoint: renamed) }.contains(
                "is not met"))
    }

    @Test("a part that would be left out is refused by its key")
    func unknownKeys() throws {
        var more = try tensors("zuko-maf")
        more["transform.transforms.0.linear.weight"] = .init(
            name: "transform.transforms.0.linear.weight", shape: [1], values: [1])
        #expect(
            refusal { try run(try Case.named("zuko-maf"), checkpoint: more) }
                == "the checkpoint has 1 tensors that this dialect does not have: \"transform.transforms.0.linear.weight\""
        )
    }

    @Test(
        "buffers that were left out are asked for",
        arguments: [
            ("nflows-maf", "_transform._transforms.1.autoregressive_net.blocks.0.linear_layers.0.mask"),
            ("nflows-realnvp", "_transform._transforms.0.identity_features"),
            ("zuko-maf", "transform.transforms.1.order"),
            ("zuko-realnvp", "transform.transforms.0.mask"),
        ])
    func buffers(_ name: String, _ key: String) throws {
        var fewer = try tensors(name)
        try #require(fewer.removeValue(forKey: key) != nil)
        #expect(refusal { try run(try Case.named(name), checkpoint: fewer) }.contains("has no \"\(key)\""))
    }

    @Test(
        "what has no counterpart is refused with what to do",
        arguments: [
            (
                "nflows-maf", "_transform._transforms.0._permutation", [0, 2, 1, 3, 4, 5],
                "random permutations are not imported"
            ),
            ("nflows-realnvp", "_transform._transforms.0.identity_features", [0, 1, 2], "only alternating masks"),
            ("zuko-maf", "transform.transforms.0.order", [0, 0, 0, 1, 1, 1], "fewer passes than dimensions"),
            ("zuko-maf", "base.loc", [0, 0, 1, 0, 0, 0], "not standard normal"),
            ("zuko-realnvp", "transform.transforms.1.mask", [1, 1, 1, 0, 0, 0], "not checkered"),
            ("normflows-maf", "q0.log_scale", [0, 0, 0, 0, 0, 0.5], "not standard normal"),
        ] as [(String, String, [Float], String)])
    func counterparts(_ name: String, _ key: String, _ values: [Float], _ reason: String) throws {
        var changed = try tensors(name)
        changed[key]?.values = values
        #expect(refusal { try run(try Case.named(name), checkpoint: changed) }.contains(reason))
    }

    @Test("batch normalisation, contexts and residual networks of zuko are named")
    func parts() throws {
        func refused(_ name: String, _ key: String) throws -> String {
            var more = try tensors(name)
            more[key] = .init(name: key, shape: [6], values: [1, 1, 1, 1, 1, 1])
            return refusal { try run(try Case.named(name), checkpoint: more) }
        }
        #expect(
            try refused("nflows-maf", "_transform._transforms.6.running_mean").contains(
                "batch_norm_between_layers=False"))
        let net = "_transform._transforms.1.autoregressive_net"
        #expect(
            try refused("nflows-maf", "\(net).blocks.0.batch_norm_layers.0.weight").contains("use_batch_norm=False"))
        #expect(try refused("nflows-maf", "\(net).context_layer.weight").contains("conditioned on a context"))
        #expect(try refused("zuko-maf", "transform.transforms.0.hyper.1.0.weight").contains("residual=False"))
    }

    @Test("masks that are not autoregressive are refused")
    func masks() throws {
        let key = "transform.transforms.0.hyper.0.mask"
        var changed = try tensors("zuko-maf")
        changed[key]!.values = changed[key]!.values.map { _ in 1 }
        #expect(refusal { try run(try Case.named("zuko-maf"), checkpoint: changed) }.contains("depends on itself"))
        changed[key]!.values[0] = 0.5
        #expect(refusal { try run(try Case.named("zuko-maf"), checkpoint: changed) }.contains("a mask is 0 or 1"))
    }

    @Test(
        "networks that would grow beyond all bounds are refused before they are made",
        arguments: [(2, true), (600, false)])
    func growth(_ units: Int, _ isAllowed: Bool) throws {
        // every unit knows the first dimension alone, so all others get as many places
        let dims = 1200
        var checkpoint: [String: Safetensors.Tensor] = [:]
        func add(_ name: String, _ shape: [Int], _ value: (Int) -> Float) {
            checkpoint[name] = .init(name: name, shape: shape, values: (0..<shape.reduce(1, *)).map(value))
        }
        let map = "transform.transforms.0"
        add("\(map).order", [dims]) { Float($0) }
        add("\(map).hyper.0.weight", [units, dims]) { _ in 0.1 }
        add("\(map).hyper.0.mask", [units, dims]) { $0 % dims == 0 ? 1 : 0 }
        add("\(map).hyper.0.bias", [units]) { _ in 0 }
        add("\(map).hyper.2.weight", [2 * dims, units]) { _ in 0 }
        add("\(map).hyper.2.mask", [2 * dims, units]) { $0 / units >= 2 ? 1 : 0 }
        add("\(map).hyper.2.bias", [2 * dims]) { _ in 0 }
        let x = (0..<4 * dims).map { Float($0 % dims == 0 ? $0 / dims : 0) }
        let check = [
            "x": Safetensors.Tensor(name: "x", shape: [4, dims], values: x),
            "log_prob": .init(
                name: "log_prob", shape: [4],
                values: (0..<4).map { Float(-0.5 * 1.837877066 * Double(dims)) - Float($0 * $0) / 2 }),
        ]
        let row = Case(testDescription: "zuko-maf", architecture: "maf")
        let refused = refusal {
            try run(row, checkpoint: checkpoint, check: check, shape: EventShape(height: 30, width: 40, channels: 1))
        }
        #expect(isAllowed ? refused == "none" : refused.contains("the networks would have more than"))
    }

    @Test("layers of a residual network of different widths are refused")
    func widths() throws {
        var changed = try tensors("nflows-maf")
        let block = "_transform._transforms.1.autoregressive_net.blocks.0.linear_layers.1"
        for (name, shape) in [("weight", [5, 12]), ("mask", [5, 12]), ("bias", [5])] {
            let key = "\(block).\(name)"
            changed[key] = .init(name: key, shape: shape, values: Array(repeating: 0, count: shape.reduce(1, *)))
        }
        let last = "_transform._transforms.1.autoregressive_net.final_layer"
        for name in ["weight", "mask"] {
            let key = "\(last).\(name)"
            changed[key] = .init(name: key, shape: [12, 5], values: Array(repeating: 0, count: 60))
        }
        #expect(refusal { try run(try Case.named("nflows-maf"), checkpoint: changed) }.contains("different widths"))
    }

    @Test("a check vector must say enough", arguments: [(3, false), (4, true)])
    func checkRows(_ count: Int, _ isEnough: Bool) throws {
        var check = try tensors("zuko-maf.check")
        check["x"] = .init(name: "x", shape: [count, 6], values: Array(check["x"]!.values.prefix(6 * count)))
        check["log_prob"] = .init(
            name: "log_prob", shape: [count], values: Array(check["log_prob"]!.values.prefix(count)))
        let refused = refusal { try run(try Case.named("zuko-maf"), check: check) }
        #expect(
            isEnough ? refused == "none" : refused.contains("has 3 different log-densities; it must have 4 or more"))
        check["z"] = .init(name: "z", shape: [1], values: [1])
        #expect(refusal { try run(try Case.named("zuko-maf"), check: check) }.contains(isEnough ? "has \"z\"" : "has"))
    }

    @Test("files that are no checkpoints are refused")
    func formats() throws {
        let options = FlowImportOptions(
            dialect: "zuko-maf", shape: EventShape(height: 2, width: 3, channels: 1), levels: 256, logitAlpha: 0.05,
            name: "imported", slope: 1e-3)
        let pickle = [UInt8](repeating: 0x80, count: 64)
        let checkpoint = try [UInt8](fixture("Imports/zuko-maf.safetensors"))
        let check = try [UInt8](fixture("Imports/zuko-maf.check.safetensors"))
        func run(_ checkpoint: [UInt8], _ check: [UInt8]) throws -> FlowImport.Result {
            unsafe try FlowImport.model(checkpoint: checkpoint.span.bytes, check: check.span.bytes, options: options)
        }
        #expect(refusal { try run(pickle, check) }.contains("the checkpoint is not a sound safetensors file"))
        #expect(refusal { try run(checkpoint, pickle) }.contains("the check vector is not a sound safetensors file"))
    }
}
