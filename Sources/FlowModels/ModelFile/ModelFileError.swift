import FlowCore

/// Reason why a model file was refused. Every text names what is wrong and the values, never where the file is.
public enum ModelFileError: Error, Equatable, Sendable {
    /// The file cannot be read; `reason` is what the system says.
    case unreadable(reason: String)
    /// The file is no sound safetensors file.
    case format(SafetensorsError)
    /// Record or tensors are not those that the file has the hash of.
    case damaged
    /// There is no `tusk` document in the file's metadata.
    case noRecord
    /// A `field` of the record, by its dotted path, is missing or makes no sense; `reason` continues a sentence about it.
    case badRecord(field: String, reason: String)
    /// The record's `format_version` is newer than the newest that is read.
    case newerFormat(version: Int, supported: Int)
    /// The record's `mathematics_version` is newer than the newest that is known.
    case newerMathematics(version: Int, supported: Int)
    /// No architecture is called as the record's is; `known` are the names that there are.
    case unknownArchitecture(String, known: [String])
    /// The record's sizes ask for `expected` numbers, the file holds `actual`.
    case wrongParameterCount(expected: Int, actual: Int)
    /// More masked zeros, which the file does not hold, than a file of so many numbers may ask for.
    case tooManyElements(Int, limit: Int, held: Int)
    /// There is no memory for the `bytes` that loading the model takes.
    case outOfMemory(bytes: Int)
    /// The file has no tensor of that name, which the flow needs.
    case missingTensor(String)
    /// The tensor has shape `actual`, the flow needs `expected`.
    case wrongShape(tensor: String, expected: [Int], actual: [Int])
    /// A weight that the architecture's masks hold at zero is not zero.
    case maskViolated
    /// The model does not give the log-density, nats, that its file says it gives.
    case checkFailed(expected: Double, actual: Double, tolerance: Double)
}

extension ModelFileError {
    /// Says what is wrong with a size in a `part` of the record, or what the flow has against the record.
    init(_ error: FlowError, in part: String? = nil) {
        if case .outOfRange(let argument, let value, let allowed) = error {
            self = .badRecord(
                field: (part.map { "\($0)." } ?? "") + argument, reason: "is \(value); it must be \(allowed)")
        } else {
            self = .badRecord(field: part ?? "document", reason: "\(error)")
        }
    }
}

extension ModelFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let reason): "the model file cannot be read: \(reason)"
        case .format(let error): "not a sound safetensors file: \(error)"
        case .damaged: "the file is damaged: its contents do not have the SHA-256 that it says they have"
        case .noRecord: "the file's metadata has no \"tusk\" document: it was not written by tusk"
        case .badRecord(let field, let reason): "the model's record is wrong: \(field): \(reason)"
        case .newerFormat(let version, let supported):
            "format_version is \(version); this program reads up to \(supported)"
        case .newerMathematics(let version, let supported):
            "mathematics_version is \(version); this program knows up to \(supported)"
        case .unknownArchitecture(let name, let known):
            "architecture is \"\(name.prefix(64))\"; this program knows \(known.joined(separator: ", "))"
        case .wrongParameterCount(let expected, let actual):
            "the hyper-parameters ask for \(expected) numbers; the file holds \(actual)"
        case .tooManyElements(let elements, let limit, let held):
            "the hyper-parameters ask for \(elements) numbers in memory, masked zeros among them; at most \(limit) are "
                + "allowed for the \(held) that the file holds"
        case .outOfMemory(let bytes):
            "loading the model takes \(bytes) bytes of memory, more than this process may have now"
        case .missingTensor(let name): "tensor \(name) is missing"
        case .wrongShape(let tensor, let expected, let actual):
            "tensor \(tensor) has shape \(actual); \(expected) was expected"
        case .maskViolated: "a weight outside its mask is not zero"
        case .checkFailed(let expected, let actual, let tolerance):
            "the check vector has log-density \(actual) here and \(expected) in the file, more than \(tolerance) apart"
        }
    }
}

extension SafetensorsError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooShort(let bytes): "\(bytes) bytes are too few for a header length (8)"
        case .headerTooLong(let bytes, let limit): "the header is \(bytes) bytes long; at most \(limit) are read"
        case .headerNotJSON: "the header is not a JSON object of tensors"
        case .unknownType(let tensor, let type): "tensor \(tensor) is of type \(type); F32, BF16 and F16 are read"
        case .badShape(let tensor): "the shape of tensor \(tensor) is negative or overflows"
        case .badOffsets(let tensor, let bytes):
            "the offsets of tensor \(tensor) are not within the \(bytes) data bytes"
        case .wrongSize(let tensor, let expected, let actual):
            "tensor \(tensor) spans \(actual) bytes; its shape needs \(expected)"
        case .notContiguous(let tensor): "tensor \(tensor) overlaps another or follows a hole"
        case .wrongLength(let expected, let actual):
            "the file is \(actual) bytes long; its header describes \(expected)"
        case .notFinite(let tensor): "tensor \(tensor) holds NaN or an infinity"
        }
    }
}
