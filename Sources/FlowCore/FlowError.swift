/// What callers of the flows can get wrong.
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
