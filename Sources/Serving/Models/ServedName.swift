import FlowModels

/// Name that a service knows a model by: `NAME`, or `NAME@VERSION` for one of several versions of a name.
///
/// Versions are numbers, and a higher one is a later one. A name alone means the model without a version, or where there is none the
/// highest version that is served.
public struct ServedName: Hashable, Sendable, CustomStringConvertible {
    /// Name without a version, `[A-Za-z0-9._-]{1,64}`.
    public let base: String
    /// Number of the version; nil for a model without one.
    public let version: Int?

    /// Versions that there can be.
    public static let versions = 1...999_999_999

    private static let sign: Character = "@"

    /// The name `NAME` or `NAME@VERSION`; nil for what is neither.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: Self.sign, maxSplits: 1, omittingEmptySubsequences: false)
        guard ModelRecord.isValidName(String(parts[0])) else { return nil }
        base = String(parts[0])
        guard parts.count == 2 else {
            version = nil
            return
        }
        guard let version = Self.version(parts[1]) else { return nil }
        self.version = version
    }

    /// The name `base`, of that version; nil where there can be no such model.
    public init?(_ base: String, version: Int) { self.init("\(base)\(Self.sign)\(version)") }

    /// The version `text` says in digits, without a sign or zeros in front; nil for what is none.
    public static func version(_ text: some StringProtocol) -> Int? {
        guard let version = Int(text), versions.contains(version), String(version) == text else { return nil }
        return version
    }

    public var description: String { version.map { "\(base)\(Self.sign)\($0)" } ?? base }
}
