/// Reason why compressed bytes could not be read.
public enum CompressionError: Error, Equatable, Sendable {
    /// The stream ends before its end mark and checksum.
    case truncated
    /// The bytes are not what the coding allows; `reason` is zlib's own fixed text, such as "incorrect data check".
    case damaged(reason: String)
    /// More than `limit` bytes come out.
    case outputTooLarge(limit: Int)
    /// Something follows the end of the stream.
    case trailingBytes
}
