package import System

/// Reason why an archive, or a file in one, cannot be read. The description completes "it …".
package enum ArchiveError: Error, Equatable, Sendable {
    /// The bytes contradict the format; `reason` is a fixed text.
    case damaged(reason: String)
    /// The bytes end before the format says so.
    case truncated
    /// The bytes are sound, but use a `feature` that is not read, such as "encryption".
    case unsupported(feature: String)
    /// The bytes come once, as a stream, and cannot be read so; `reason` is a fixed text.
    case needsFile(reason: String)
    /// `quantity` is more than `limit`.
    case tooLarge(quantity: String, limit: Int)
    /// A call of the system failed.
    case system(SystemError)
}

extension ArchiveError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .damaged(let reason): "is damaged: \(reason)"
        case .truncated: "ends too early"
        case .unsupported(let feature): "has \(feature), which is not read"
        case .needsFile(let reason): "can be read as a file that is named, and not from a stream: \(reason)"
        case .tooLarge(let quantity, let limit): "has more than the limit of \(limit) \(quantity)"
        case .system(let error): "cannot be read: \(error)"
        }
    }
}
