/// Errors that callers of the flows can cause.
public enum FlowError: Error, Equatable, Sendable {
    /// `argument` is `actual` wide; the map was built for `expected`.
    case widthMismatch(argument: String, expected: Int, actual: Int)
    /// `argument` holds NaN or ±∞ in `row`.
    case notFinite(argument: String, row: Int)
    /// `argument` is `value`; it must lie in `allowed`.
    case outOfRange(argument: String, value: String, allowed: String)
    /// The caller no longer wants the result.
    case cancelled
}

extension FlowError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .widthMismatch(let argument, let expected, let actual):
            "\(argument) is \(actual) wide; \(expected) was expected"
        case .notFinite(let argument, let row): "row \(row) of \(argument) holds NaN or an infinity"
        case .outOfRange(let argument, let value, let allowed): "\(argument) is \(value); allowed is \(allowed)"
        case .cancelled: "cancelled"
        }
    }
}
