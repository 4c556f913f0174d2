public import FlowCore

/// Reason why a checkpoint of another library was not imported. Every text names the key or the number, and what to do.
public enum FlowImportError: Error, Equatable, Sendable {
    /// A `file`, `checkpoint` or `check vector`, is no sound safetensors file.
    case format(file: String, SafetensorsError)
    /// The checkpoint has no tensor of that key, which the dialect has.
    case missingKey(String)
    /// The tensor has shape `actual`; the dialect has `expected`, with −1 for a length that may be any.
    case wrongShape(key: String, expected: [Int], actual: [Int])
    /// Tensors that the dialect does not have: the flow has parts that would be left out.
    case unknownKeys([String])
    /// A part of the flow has no counterpart here; `reason` says what it is and what to do.
    case notSupported(key: String, reason: String)
    /// An option that the dialect needs is missing, or has a value that is not allowed.
    case badOption(name: String, reason: String)
    /// The check vector of row `row` is not met: another dialect, another option, or another version of the library.
    case checkFailed(row: Int, expected: Double, actual: Double, tolerance: Double)
    /// The check vector says too little; `reason` says why.
    case badCheck(reason: String)
    /// Sorted by degree, the networks of a checkpoint of `held` numbers would hold more than `limit`.
    case tooLarge(held: Int, limit: Int)
    /// The flow's sizes are refused.
    case flow(FlowError)
}

extension FlowImportError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .format(let file, let error): "the \(file) is not a sound safetensors file: \(error)"
        case .missingKey(let key):
            "the checkpoint has no \"\(key)\", which this dialect has: is it of another dialect, or were the buffers, such as masks and "
                + "permutations, left out when it was saved?"
        case .wrongShape(let key, let expected, let actual):
            "\"\(key)\" has shape \(actual.prefix(8)); it must be [\(expected.map { $0 < 0 ? "any" : "\($0)" }.joined(separator: ", "))]"
        case .unknownKeys(let keys):
            "the checkpoint has \(keys.count) tensors that this dialect does not have: "
                + keys.prefix(5).map { "\"\($0.prefix(100))\"" }.joined(separator: ", ") + (keys.count > 5 ? ", …" : "")
        case .notSupported(let key, let reason): "\"\(key)\": \(reason)"
        case .badOption(let name, let reason): "--\(name) \(reason)"
        case .checkFailed(let row, let expected, let actual, let tolerance):
            "the check vector is not met: in row \(row) the library says \(expected) nats, this flow \(actual), which may differ by "
                + "\(tolerance): is it another dialect, another option, or another version of the library?"
        case .badCheck(let reason): "the check vector \(reason)"
        case .tooLarge(let held, let limit):
            "the checkpoint has \(held) numbers; with its units sorted by how many dimensions they know of, the networks would have more "
                + "than \(limit)"
        case .flow(let error): "\(error)"
        }
    }
}
