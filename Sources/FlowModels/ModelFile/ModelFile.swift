public import FlowCore
import FoundationEssentials
import System

/// One `.safetensors` file with all that a density needs; see docs/reference/model-file.md.
public enum ModelFile {
    /// Key of the record in the file's metadata.
    static let recordKey = "tusk"

    /// Bounds on the sizes in a record, so that nothing large is computed or allocated for a bad one.
    enum Limit {
        /// Most dimensions of an image.
        static let dims = 1 << 20
        /// Most classes.
        static let classes = 10_000
        /// Most numbers in memory, masked zeros among them, for each one in the file. Sorted masks leave about half of a matrix:
        /// only one-pixel images come near this.
        static let elementsPerNumber = 16
        /// Count of numbers that a file with fewer is taken to hold.
        static let fewNumbers = 1 << 20
    }

    /// Returns the most numbers in memory, masked zeros among them, that a model whose file holds `parameters` may take: what is not
    /// in the file must not be allocated at a file's bidding.
    package static func elementLimit(parameters: Int) -> Int {
        let (limit, overflow) = Limit.elementsPerNumber.multipliedReportingOverflow(
            by: max(parameters, Limit.fewNumbers))
        return overflow ? .max : limit
    }

    /// Returns how far the check vector's log-density may be from the recorded one: `1e-4 · D` nats, room for another CPU's order of
    /// summation in single precision and for nothing else.
    public static func checkTolerance(dims: Int) -> Double { 1e-4 * Double(dims) }

    // MARK: Writing

    /// Encodes a model as the bytes of a file in the newest format. The check vector is evaluated again on the weights as rounded to
    /// `precision`, so that the file verifies.
    /// - Throws: ``FlowError`` when the rounded weights make no model; `EncodingError` for a number of the record that is not finite.
    public static func encode(
        _ model: DensityModel, precision: TensorPrecision
    ) throws -> [UInt8] {
        let (tensors, metadata) = try contents(model, precision)
        return try Safetensors.encode(tensors, metadata: metadata, precision: precision)
    }

    /// Returns the tensors, rounded to `precision`, and the metadata with a record that agrees with them.
    private static func contents(
        _ model: DensityModel, _ precision: TensorPrecision
    ) throws -> (tensors: [Safetensors.Tensor], metadata: [String: String]) {
        var record = model.record
        var rounded = model.flow
        var dequantizer = model.dequantizer
        var tensors: [Safetensors.Tensor] = []
        func round(_ info: ParameterInfo, _ values: inout [Float]) {
            for i in values.indices { values[i] = precision.rounded(values[i]) }
            tensors.append(.init(name: info.name, shape: info.liveShape, values: info.live(of: values)))
        }
        rounded.visitParameters(round)
        dequantizer?.visitParameters(round)
        let row = DensityRow(pixels: record.check.pixels)
        record.check.logProb = try DensityModel(flow: rounded, dequantizer: dequantizer, record: record)
            .densities(of: [row], isCancelled: { false })[0].logProb
        record.sizes = record.recordedSizes
        record.formatVersion = ModelRecord.currentFormatVersion
        record.parameterCount = tensors.reduce(0) { $0 + $1.values.count }
        let json = try text(of: record)
        var digest = ContentHash(record: json)
        for tensor in tensors { digest.add(tensor.values, precision) }
        return (tensors, [recordKey: json, ContentHash.key: digest.hex()])
    }

    /// Returns the document of a record.
    private static func text(of record: ModelRecord) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(record), as: UTF8.self)
    }

    /// Writes the model file `bytes` with another record for the same flow; the tensors stay byte for byte.
    /// - Throws: ``SafetensorsError``; ``SystemError``, what the file system says.
    public static func write(_ bytes: RawSpan, record: ModelRecord, to path: String) throws {
        var metadata = try Safetensors.decode(bytes).metadata
        metadata[recordKey] = try text(of: record)
        _ = try write(bytes, metadata: metadata, to: path)
    }

    /// Writes a model file beside its place and renames it there, so that nobody ever reads half of one.
    /// - Throws: ``SystemError``, what the file system says; what ``encode(_:precision:)`` throws.
    public static func write(
        _ model: DensityModel, to path: String, precision: TensorPrecision
    ) throws {
        let (tensors, metadata) = try contents(model, precision)
        try ReplacingFile.write(to: path) { write in
            try Safetensors.write(
                tensors.map { ($0.name, $0.shape) }, metadata: metadata, precision: precision,
                values: { tensors[$0].values }, to: write)
        }
    }

    // MARK: Reading

    /// Loads a model, and verifies its check vector in single precision.
    /// - Parameters:
    ///   - precision: precision of the weights that the model computes with.
    ///   - isToBeTested: whether the caller computes the check vector itself, and so it is not verified here.
    /// - Throws: ``ModelFileError``.
    public static func load(
        path: String, precision: WeightPrecision = .f32, isToBeTested: Bool = false
    ) throws -> DensityModel {
        try withBytes(of: path) { try load($0, precision: precision, isToBeTested: isToBeTested) }
    }

    /// Calls `body` with the bytes of a model file, which are mapped and valid inside it alone, and returns its result.
    /// - Throws: ``ModelFileError/unreadable(reason:)``; what `body` throws.
    package static func withBytes<Output>(of path: String, _ body: (RawSpan) throws -> Output) throws -> Output {
        do {
            return try WholeFile(path).withMappedBytes(body)
        } catch let failure as WholeFile.Failure {
            throw ModelFileError.unreadable(reason: "\(failure)")
        }
    }

    /// Loads a model from memory, which is read and not kept, and verifies its hash, if it has one, and its check vector in single
    /// precision.
    /// - Parameters:
    ///   - precision: precision of the weights that the model computes with.
    ///   - isToBeTested: whether the caller computes the check vector itself, as a service does through its lanes, and so it is
    ///     not verified here.
    /// - Throws: ``ModelFileError``.
    public static func load(
        _ bytes: RawSpan, precision: WeightPrecision = .f32, isToBeTested: Bool = false
    ) throws -> DensityModel {
        let tensors: [String: Safetensors.Place]
        let metadata: [String: String]
        // of two bytes each at least
        try checkMemory(numbers: bytes.byteCount / 2, times: 1)
        do {
            (tensors, metadata) = try Safetensors.places(in: bytes)
        } catch let error as SafetensorsError {
            throw ModelFileError.format(error)
        }
        try ContentHash.verify(metadata, of: bytes)
        let (record, architecture) = try validRecord(in: metadata)
        return try model(architecture, record, tensors, bytes, precision, isToBeTested: isToBeTested)
    }

    /// Versions of a record, which are decoded before anything else is: a newer file may have other fields.
    private struct Versions: Codable {
        var format_version: Int
        var mathematics_version: Int
    }

    /// A record, of versions that this program knows; read in one go, since tables of calibration make it long.
    private struct KnownRecord: Decodable {
        var record: ModelRecord

        init(from decoder: any Decoder) throws {
            let versions = try Versions(from: decoder)
            guard versions.format_version <= ModelRecord.currentFormatVersion else {
                throw ModelFileError.newerFormat(
                    version: versions.format_version, supported: ModelRecord.currentFormatVersion)
            }
            guard versions.mathematics_version <= ModelRecord.currentMathematicsVersion else {
                throw ModelFileError.newerMathematics(
                    version: versions.mathematics_version, supported: ModelRecord.currentMathematicsVersion)
            }
            record = try ModelRecord(from: decoder)
        }
    }

    /// The record of a file, every number of it checked, and its architecture.
    /// - Throws: ``ModelFileError``.
    static func validRecord(in metadata: [String: String]) throws -> (ModelRecord, any FlowArchitecture.Type) {
        let record = try record(in: metadata)
        guard let architecture = FlowRegistry.architecture(named: record.architecture) else {
            throw ModelFileError.unknownArchitecture(
                record.architecture, known: FlowRegistry.architectures.map { $0.architectureName })
        }
        try record.validate(architecture)
        return (record, architecture)
    }

    private static func record(in metadata: [String: String]) throws -> ModelRecord {
        guard let json = metadata[recordKey] else { throw ModelFileError.noRecord }
        do {
            return try JSONDecoder().decode(KnownRecord.self, from: Data(json.utf8)).record
        } catch let error as DecodingError {
            throw ModelFileError.badRecord(field: error.fieldPath, reason: error.reason)
        }
    }

    private static func model<Flow: FlowArchitecture>(
        _ architecture: Flow.Type, _ record: ModelRecord, _ tensors: [String: Safetensors.Place], _ bytes: RawSpan,
        _ precision: WeightPrecision, isToBeTested: Bool
    ) throws -> DensityModel {
        let parameters = try checkSizes(
            architecture, record, held: tensors.values.reduce(0) { $0 + $1.count })
        try checkMemory(numbers: record.elementCount(architecture), times: loadingCopies)
        let isWhole = record.formatVersion == 1
        var record = record
        record.parameterCount = parameters
        do {
            // a file has sizes of other architectures too
            record.sizes = try record.sizes.resolved(by: Flow.fields)
            var flow = try Flow(shape: record.eventShape, sizes: record.sizes, seed: nil)
            var dequantizer = try record.dequantizer.map {
                try Dequantizer(shape: record.eventShape, sizes: $0, seed: nil)
            }
            func fill(_ info: ParameterInfo, _ values: inout [Float]) throws {
                guard let tensor = tensors[info.name] else { throw ModelFileError.missingTensor(info.name) }
                let shape = isWhole ? info.shape : info.liveShape
                guard tensor.shape == shape else {
                    throw ModelFileError.wrongShape(tensor: info.name, expected: shape, actual: tensor.shape)
                }
                // in place: what is not masked goes from the file to where it stays
                if isWhole || info.reach == nil { return Safetensors.read(tensor, of: bytes, to: &values) }
                var live = [Float](repeating: 0, count: tensor.count)
                Safetensors.read(tensor, of: bytes, to: &live)
                values = info.whole(of: live)
            }
            try flow.visitParameters(fill)
            try dequantizer?.visitParameters(fill)
            guard flow.holdsStructuralZeros else { throw ModelFileError.maskViolated }
            if !isToBeTested || precision == .f32 {
                let model = try DensityModel(flow: flow, dequantizer: dequantizer, record: record)
                if !isToBeTested { try verify(model) }
                if precision == .f32 { return model }
            }
            return try DensityModel(flow: flow, dequantizer: dequantizer, record: record, precision: precision)
        } catch let error as FlowError {
            guard case .outOfRange = error else { throw error }
            throw ModelFileError(error)
        }
    }

    /// Compares what the hyper-parameters ask for with the numbers that the file holds, before anything is allocated.
    /// - Parameter held: numbers in the file's tensors.
    /// - Returns: the number of parameters of the flow and its dequantizer, masked zeros not among them.
    /// - Throws: ``ModelFileError`` when they differ, or masked zeros take too much memory.
    private static func checkSizes<Flow: FlowArchitecture>(
        _: Flow.Type, _ record: ModelRecord, held: Int
    ) throws -> Int {
        // elements first: where they are few, parameters are quickly counted
        let dequantizerCount =
            record.dequantizer.map { Dequantizer.parameterCount(shape: record.eventShape, sizes: $0) ?? .max } ?? 0
        func withDequantizer(_ flowCount: Int?) -> Int {
            let (sum, overflow) = (flowCount ?? .max).addingReportingOverflow(dequantizerCount)
            return overflow ? .max : sum
        }
        let elements = withDequantizer(
            Flow.elementCount(shape: record.eventShape, sizes: record.sizes))
        func parameters() -> Int {
            withDequantizer(Flow.parameterCount(shape: record.eventShape, sizes: record.sizes))
        }
        if record.formatVersion == 1 {
            guard elements == held else { throw ModelFileError.wrongParameterCount(expected: elements, actual: held) }
            return parameters()
        }
        let limit = elementLimit(parameters: held)
        guard elements <= limit else { throw ModelFileError.tooManyElements(elements, limit: limit, held: held) }
        let expected = parameters()
        guard expected == held else { throw ModelFileError.wrongParameterCount(expected: expected, actual: held) }
        guard record.parameterCount == held else {
            throw ModelFileError.badRecord(
                field: "parameter_count", reason: "is \(record.parameterCount); the file holds \(held)")
        }
        return expected
    }

    /// Checks that the model gives the recorded log-density of its check vector.
    /// - Throws: ``ModelFileError/checkFailed(expected:actual:tolerance:)``.
    private static func verify(_ model: DensityModel) throws {
        let check = model.record.check
        let actual = try model.densities(of: [DensityRow(pixels: check.pixels)], isCancelled: { false })[0].logProb
        let tolerance = checkTolerance(dims: model.flow.dims)
        // written so that NaN fails
        guard abs(actual - check.logProb) <= tolerance else {
            throw ModelFileError.checkFailed(expected: check.logProb, actual: actual, tolerance: tolerance)
        }
    }
}

extension TensorPrecision {
    /// Rounds to the nearest number of this precision.
    package func rounded(_ value: Float) -> Float {
        switch self {
        case .float32: value
        case .bfloat16: Float(bitPattern: UInt32(Safetensors.bfloat16(value)) << 16)
        case .float16: Float(Float16(value))
        }
    }
}

extension DecodingError {
    private var context: Context? {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context
        @unknown default: nil
        }
    }

    /// Dotted path of the field, such as `event_shape.height`.
    fileprivate var fieldPath: String {
        var path = context?.codingPath.map(\.stringValue) ?? []
        if case .keyNotFound(let key, _) = self { path.append(key.stringValue) }
        return path.isEmpty ? "document" : path.joined(separator: ".")
    }

    fileprivate var reason: String {
        switch self {
        case .keyNotFound: "is missing"
        case .typeMismatch(let type, _): "is not a \(type)"
        case .valueNotFound: "is null"
        default: "is not JSON"
        }
    }
}
