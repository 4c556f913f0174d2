import Compression
import DataSets
import FlowCore
import FlowLayers
import FlowModels
import FoundationEssentials
import TestSupport
import Testing

@testable import FlowTraining

/// What a checkpoint is held against: every property that is in it, because it is in it.
@Suite("Identity of a checkpoint")
struct CheckpointIdentityTests {
    /// Properties that may be others than when the checkpoint was made: how long to train.
    private static let changeable: Set = ["epochs", "patience", "maxSeconds", "clock", "maxRollbacks"]

    private static var options: TrainingOptions {
        var options = TrainerTests.options(epochs: 2)
        options.maxSeconds = 1000
        options.learningRateFactors = [LearningRateFactor(pattern: "biases", factor: 2)]
        return options
    }

    private func trainer<Flow: FlowArchitecture>(_: Flow.Type, classes: Int = 0) throws -> Trainer<Flow> {
        let isOfImages = Flow.self is any ImageFlow.Type
        let shape = isOfImages ? EventShape(height: 4, width: 4, channels: 1) : PairImages.shape
        var random = RandomStream(seed: 1, stream: 0)
        let set = ImageDataSet(
            shape: shape, levels: 8, pixels: (0..<20 * shape.dims).map { _ in UInt8(random.uniform() * 8) },
            labels: (0..<20).map { $0 % 2 }, classes: ["a", "b"])
        return try Trainer(
            sizes: [
                "layers": 1, "hidden": isOfImages ? [16] : [4], "bins": 4, "scales": 1, "classes": .integer(classes),
            ], train: set, validation: set, preprocessing: Preprocessing(levels: 8, logitAlpha: 1e-3),
            dequantizer: ["layers": 1, "hidden": [3]], options: Self.options, threads: 1)
    }

    /// Another value of the same kind.
    private func other(than value: JSONValue, of key: String) -> JSONValue {
        switch (key, value) {
        case ("activation", _): .text("elu")
        case ("clock", _): .text("processor")
        case ("scale_function", _): .text("softplus")
        case ("order", _): .text("rising")
        case ("kernel", _), ("predictor", _): .unsigned(5)
        case ("hidden", _), ("belief", _): .array([.unsigned(4), .unsigned(4)])
        case ("repeats", _): .array([.object(["name": .text("a"), "times": .unsigned(2)])])
        case (_, .flag(let flag)): .flag(!flag)
        case (_, .unsigned(let number)): .unsigned(number + 1)
        case (_, .number(let number)): .number(number + 1)
        case (_, .text(let text)): .text(text + "x")
        case (_, .array): .array([])
        case (_, .null), (_, .object): .null
        }
    }

    /// The checkpoint of `trainer` with another state in its metadata.
    private func write(
        _ trainer: Trainer<some FlowArchitecture>, to file: String, _ change: (inout [String: JSONValue]) -> Void
    )
        throws
    {
        try trainer.writeCheckpoint(to: file)
        let (tensors, metadata) = try Safetensors.decode(Data(contentsOf: URL(filePath: file)).bytes)
        let state = try #require(metadata["tusk-checkpoint-1"])
        var document = try JSONDecoder().decode([String: JSONValue].self, from: Data(state.utf8))
        var identity = try #require(document["identity"]).members
        change(&identity)
        document["identity"] = .object(identity)
        let text = String(decoding: try JSONEncoder().encode(document), as: UTF8.self)
        var checksum = unsafe crc32(Array(text.utf8).span.bytes)
        var infos: [ParameterInfo] = []
        var fitted = trainer.fitted
        fitted.visitParameters { info, _ in infos.append(info) }
        var ordered: [Safetensors.Tensor] = []
        for group in ["weights", "average", "adam.first", "adam.second"] {
            for info in infos {
                let tensor = try #require(tensors["\(group).\(info.name)"])
                checksum = unsafe crc32(tensor.values.span.bytes, continuing: checksum)
                ordered.append(tensor)
            }
        }
        let bytes = try Safetensors.encode(
            ordered, metadata: ["tusk-checkpoint-1": text, "crc32": "\(checksum)"], precision: .float32)
        try Data(bytes).write(to: URL(filePath: file))
    }

    /// Changes the members of an object in `identity`.
    private func change(
        _ identity: inout [String: JSONValue], _ part: String, _ body: (inout [String: JSONValue]) -> Void
    ) {
        var members = identity[part]?.members ?? [:]
        body(&members)
        identity[part] = .object(members)
    }

    /// What `trainer` says of its own checkpoint with one property changed; nil where it goes on.
    private func refusal(
        _ trainer: Trainer<some FlowArchitecture>, _ change: (inout [String: JSONValue]) -> Void
    ) throws -> (property: String, checkpoint: String, now: String)? {
        let folder = try TemporaryFolder()
        try write(trainer, to: folder.file("c"), change)
        do {
            try trainer.resume(from: folder.file("c"))
            return nil
        } catch TrainingError.checkpointMismatch(let property, let checkpoint, let now) {
            return (property, checkpoint, now)
        }
    }

    @Test("every option of a training is compared, but those of how long it is")
    func options() throws {
        let trainer = try trainer(MaskedAutoregressiveFlow.self)
        #expect(try refusal(trainer) { _ in } == nil)
        let keys = try JSONValue(encoding: Self.options).members.keys.sorted()
        // none is left out of what is encoded
        #expect(keys == Mirror(reflecting: Self.options).children.compactMap(\.label).sorted())
        var names: Set<String> = []
        for key in keys {
            let found = try refusal(trainer) { identity in
                change(&identity, "options") { $0[key] = $0[key].map { other(than: $0, of: key) } }
            }
            if Self.changeable.contains(key) {
                #expect(found == nil, "\(key)")
                continue
            }
            let (property, before, now) = try #require(found, "\(key) is not compared")
            #expect(before != now && names.insert(property).inserted, "\(key): \(property) \(before) \(now)")
            #expect(!property.contains { $0.isUppercase || $0 == "." }, "\(property)")
        }
        #expect(names.isSuperset(of: ["learning-rate", "learning-rate-of", "flips", "repeat", "ema", "clip", "seed"]))
    }

    @Test("every size of every architecture is compared, and of the dequantizer")
    func sizes() throws {
        func check<Flow: FlowArchitecture>(_: Flow.Type) throws {
            let trainer = try trainer(Flow.self, classes: 2)
            for (part, fields) in [("hyperParameters", Flow.fields), ("dequantizer", Dequantizer.fields)] {
                for field in fields {
                    let found = try refusal(trainer) { identity in
                        change(&identity, part) {
                            $0[field.name] = $0[field.name].map { other(than: $0, of: field.name) }
                        }
                    }
                    let (property, before, now) = try #require(found, "\(Flow.architectureName) \(field.name)")
                    let expected = field.name == "classes" ? "conditional" : field.optionName
                    #expect(property == (part == "dequantizer" ? "dequantizer-" : "") + expected)
                    #expect(before != now, "\(field.name)")
                }
            }
        }
        for architecture in FlowRegistry.architectures { try check(architecture) }
    }

    @Test("all else that a training is of is compared, and what this program does not know")
    func others() throws {
        let trainer = try trainer(AffineCouplingFlow.self)
        let column = JSONValue.object(["height": .unsigned(2), "width": .unsigned(1), "channels": .unsigned(1)])
        let start = JSONValue.object(["name": .text("m"), "parameter_hash": .text("0")])
        let changes: [(String, String, JSONValue)] = [
            ("architecture", "architecture", .text("maf")), ("levels", "levels", .unsigned(9)),
            ("logitAlpha", "alpha", .number(0.5)), ("eventShape", "image shape", column),
            ("trainHash", "hash of the training images", .text("0")),
            ("validationHash", "hash of the validation images", .text("0")),
            ("teacher", "hash of the teacher", .text("0")),
            ("start", "hash of the model that it started from", start), ("weather", "weather", .text("fine")),
        ]
        for (key, property, value) in changes {
            let found = try refusal(trainer) { $0[key] = value }
            #expect(found?.property == property, "\(key): \(found as Any)")
        }
        let uniform = try #require(refusal(trainer) { $0["dequantizer"] = nil })
        #expect(uniform == ("dequantization", "uniform", "variational"))
        let shape = try #require(refusal(trainer) { $0["eventShape"] = column })
        #expect(shape == ("image shape", "2x1x1", "1x2x1"))
        let option = try #require(
            refusal(trainer) { change(&$0, "options") { $0["fancyNoise"] = .unsigned(3) } })
        #expect(option == ("fancy-noise", "3", "none"))
        let repeated = try #require(
            refusal(trainer) { change(&$0, "options") { $0["repeats"] = other(than: .null, of: "repeats") } })
        #expect(repeated == ("repeat", "a=2", "none"))
    }

    @Test("what older programs did not write yet, or wrote of other architectures, is no difference")
    func olderPrograms() throws {
        let trainer = try trainer(MaskedAutoregressiveFlow.self)
        let found = try refusal(trainer) { identity in
            // 0, as always before there was any
            change(&identity, "options") { $0["dropout"] = nil }
            change(&identity, "hyperParameters") {
                ($0["bins"], $0["kernel"], $0["residual"]) = (.unsigned(11), .unsigned(7), nil)
            }
        }
        #expect(found == nil, "\(found as Any)")
    }
}
