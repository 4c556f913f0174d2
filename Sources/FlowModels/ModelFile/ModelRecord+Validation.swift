import FlowCore

extension ModelRecord {
    /// Checks every number before anything is computed from it.
    /// - Throws: ``ModelFileError/badRecord(field:reason:)``.
    func validate(_ architecture: any FlowArchitecture.Type) throws {
        func require(_ holds: Bool, _ field: String, _ reason: String) throws {
            guard holds else { throw ModelFileError.badRecord(field: field, reason: reason) }
        }
        typealias Limit = ModelFile.Limit
        try require(formatVersion >= 1, "format_version", "\(formatVersion) is not 1 or 2")
        try require(Self.isValidName(name), "name", "is not 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'")
        let sides = [eventShape.height, eventShape.width, eventShape.channels]
        try require(
            sides.allSatisfy { (1...Limit.dims).contains($0) } && eventShape.channels <= 4
                && sides[0].multipliedReportingOverflow(by: sides[1]).partialValue <= Limit.dims
                && eventShape.dims <= Limit.dims,
            "event_shape", "has sides below 1, more than 4 channels or more than \(Limit.dims) dimensions")
        func requireAllowed(_ sizes: Sizes, by fields: [any SizeDescription], _ part: String) throws {
            for field in fields {
                guard let value = sizes[field.name] else { continue }
                do throws(FlowError) {
                    _ = try field.checked(value)
                } catch {
                    throw ModelFileError(error, in: part)
                }
            }
        }
        func requireAll(_ fields: [any SizeDescription], of sizes: Sizes, _ part: String) throws {
            for field in fields where field.isRequired {
                try require(sizes[field.name] != nil, "\(part).\(field.name)", "is missing")
            }
        }
        // files have sizes of other architectures too
        try requireAllowed(sizes, by: architecture.fields + FlowRegistry.fields, "hyper_parameters")
        try requireAll(architecture.fields, of: sizes, "hyper_parameters")
        try require(
            ["uniform", "variational"].contains(dequantization), "dequantization",
            "is neither \"uniform\" nor \"variational\"")
        try require(
            dequantization == Self.dequantization(dequantizer), "dequantizer",
            dequantizer == nil ? "is missing, of variational dequantization" : "is there, of uniform dequantization")
        if let dequantizer {
            try requireAllowed(dequantizer, by: Dequantizer.fields, "dequantizer")
            try requireAll(Dequantizer.fields, of: dequantizer, "dequantizer")
        }
        try require(classes.count <= Limit.classes, "classes", "are more than \(Limit.classes)")
        let conditional = sizes.classes
        try require(
            conditional == 0 || conditional == classes.count, "hyper_parameters.classes",
            "is \(conditional), neither 0 nor the \(classes.count) that are named")
        let prior = classPrior ?? []
        try require(
            prior.count == conditional && prior.allSatisfy { $0 > 0 }
                && (prior.isEmpty || abs(prior.reduce(0, +) - 1) < 1e-6),
            "class_prior", "is not \(conditional) positive fractions whose sum is 1")
        try require(
            check.pixels.count == eventShape.dims && check.pixels.allSatisfy { Int($0) < levels }, "check.pixels",
            "are not \(eventShape.dims) values below \(levels)")
        if let calibration {
            let quantiles = calibration.logProbQuantiles
            try require(
                quantiles.count == 101 && zip(quantiles, quantiles.dropFirst()).allSatisfy(<=),
                "calibration.log_prob_quantiles", "are not 101 rising values")
        }
        let curve = training?.curve ?? []
        try require(
            curve.count <= [TrainingCurvePoint].mostPoints, "training.curve",
            "has \(curve.count) points, more than \([TrainingCurvePoint].mostPoints)")
        if let (field, reason) = evaluation?.fault {
            throw ModelFileError.badRecord(field: "evaluation.\(field)", reason: reason)
        }
        if let (field, reason) = background?.fault(shape: eventShape, levels: levels) {
            throw ModelFileError.badRecord(field: "background.\(field)", reason: reason)
        }
        if let (field, reason) = decision?.fault(classes: conditional) {
            throw ModelFileError.badRecord(field: "decision.\(field)", reason: reason)
        }
    }

    /// Whether `name` can name a model: `[A-Za-z0-9._-]{1,64}`.
    public static func isValidName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
