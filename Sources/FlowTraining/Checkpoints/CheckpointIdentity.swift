import FlowCore
import FlowModels

/// Identity of a training. Whatever is encoded here must be the same for a checkpoint to be continued, but for ``changeable``: a
/// setting is compared because it is there, not because somebody thought of it.
struct CheckpointIdentity: Codable, Equatable {
    var architecture: String
    /// A value for each of the architecture's fields.
    var sizes: Sizes
    var eventShape: EventShape
    var levels: Int
    /// Sizes of the dequantizer; nil with uniform dequantization.
    var dequantizer: Sizes?
    var logitAlpha: Double
    var trainHash: String
    var validationHash: String
    var options: TrainingOptions
    /// Hash of the model that is distilled; nil in a training by maximum likelihood.
    var teacher: String?
    /// Model that a fine-tuning started from; else nil.
    var start: StartingRecord?

    enum CodingKeys: String, CodingKey {
        case architecture
        case sizes = "hyperParameters"
        case eventShape, levels, dequantizer, logitAlpha, trainHash, validationHash, options, teacher, start
    }

    /// Paths of what may change: how long to train, and the name of the model that a fine-tuning started from, whose weights are
    /// what counts.
    private static let changeable: Set = [
        "options.epochs", "options.patience", "options.maxSeconds", "options.clock", "options.maxRollbacks",
        "start.name",
    ]

    /// Returns the first property in which the identity in a checkpoint and this one differ, in words; nil where they agree.
    ///
    /// - Parameter fields: sizes of the architecture.
    /// - Throws: `DecodingError` or `FlowError` where `checkpoint` is no identity.
    func mismatch(
        with checkpoint: JSONValue, fields: [any SizeDescription]
    ) throws -> (property: String, checkpoint: String, now: String)? {
        let known = try JSONValue(encoding: self).members
        if let before = checkpoint.members["architecture"], let now = known["architecture"], before != now {
            return ("architecture", "\(before)", "\(now)")
        }
        let before = JSONValue.object(try Self.comparable(checkpoint.members, fields)).leaves()
        let now = JSONValue.object(try Self.comparable(known, fields)).leaves()
        let paths = Set(before.keys).union(now.keys).subtracting(Self.changeable)
        return paths.filter { before[$0] ?? .null != now[$0] ?? .null }
            .min { Self.place($0) < Self.place($1) }
            .map { (Self.name($0), "\(before[$0] ?? .null)", "\(now[$0] ?? .null)") }
    }

    /// Adds to an identity what older programs did not write, and takes out what does not belong to it.
    private static func comparable(
        _ identity: [String: JSONValue], _ fields: [any SizeDescription]
    ) throws -> [String: JSONValue] {
        var identity = identity
        // older programs wrote the sizes of every architecture, and not those that came later
        func resolve(_ key: String, _ fields: [any SizeDescription]) throws {
            guard let sizes = try identity[key]?.decoded(Sizes.self) else { return }
            identity[key] = try JSONValue(encoding: sizes.resolved(by: fields))
        }
        try resolve("hyperParameters", fields)
        try resolve("dequantizer", Dequantizer.fields)
        identity["dequantization"] = .text(ModelRecord.dequantization(identity["dequantizer"] == nil ? nil : [:]))
        let options = try JSONValue(encoding: TrainingOptions()).members
        identity["options"] = .object(options.merging(identity["options"]?.members ?? [:]) { _, given in given })
        identity["eventShape"] = try identity["eventShape"].map { .text("\(try $0.decoded(EventShape.self))") }
        return identity
    }

    /// Names in errors where they are not the option's, or the option's is not the property's.
    private static let names = [
        "hyperParameters.classes": "conditional", "eventShape": "image shape", "logitAlpha": "alpha",
        "trainHash": "hash of the training images", "validationHash": "hash of the validation images",
        "teacher": "hash of the teacher", "start.parameterHash": "hash of the model that it started from",
        "start.parameter_hash": "hash of the model that it started from",
        "options.accumulatedBatch": "accumulate", "options.learningRateFactors": "learning-rate-of",
        "options.clipNorm": "clip", "options.averageDecay": "ema", "options.horizontalFlips": "flips",
        "options.repeats": "repeat",
    ]

    /// Returns the name of a property in errors: as a rule its option's, which has hyphens where Swift has capitals.
    private static func name(_ path: String) -> String {
        if let name = names[path] { return name }
        var parts = path.split(separator: ".")
        if ["options", "hyperParameters"].contains(parts[0]) { parts.removeFirst() }
        return parts.joined(separator: "-").reduce(into: "") { name, letter in
            name += letter.isUppercase ? "-\(letter.lowercased())" : letter == "_" ? "-" : String(letter)
        }
    }

    /// Returns the place of a property in the order in which they are compared: what the others follow from comes first.
    private static func place(_ path: String) -> (Int, String) {
        let first = ["hyperParameters", "eventShape", "levels", "dequantization", "dequantizer"]
        let part = path.split(separator: ".")[0]
        return (first.firstIndex { $0 == part } ?? first.count, path)
    }
}
