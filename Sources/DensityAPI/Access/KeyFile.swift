import HTTPWire

/// The keys that a service takes: a line for each, `name scopes sha256:hash [expiry] [kind=limit …]`, divided by spaces or tabs.
///
///     # name   scopes        SHA-256 of the key     first day it is refused (UTC), limits of its use
///     gate     score         sha256:9f86d081…       requests=50/s rows=1000/s,burst=5000
///     studio   score,sample  sha256:60303ae2…       2027-01-31
///
/// Blank lines, and lines that begin with `#`, are skipped.
public struct KeyFile: Sendable {
    /// Most bytes of a file.
    public static let maxBytes = 256 << 10
    /// Most keys of a file: every request is compared with each.
    public static let maxKeys = 1024

    private static let hashPrefix = "sha256:"

    /// Keys in the order of their lines.
    package var keys: [APIKey] = []
    /// Hashes of ``keys``, by the same index.
    package var hashes: [KeyHash] = []

    /// Number of keys.
    public var count: Int { keys.count }

    /// The keys of a file's text.
    /// - Throws: ``KeyFileError``.
    public init(_ text: String) throws(KeyFileError) {
        // a byte order mark, which editors of Windows write and nobody sees
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        guard text.utf8.count <= Self.maxBytes else {
            throw KeyFileError(reason: "it holds \(text.utf8.count) bytes; \(Self.maxBytes) are allowed")
        }
        var lineOfName: [String: Int] = [:]
        var lineOfHash: [KeyHash: Int] = [:]
        // Lines are split as UTF-8, since "\r\n" is one Character.
        for (index, bytes) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            let line = index + 1
            let words = bytes.split { [0x20, 0x09, 0x0D].contains($0) }.map { Substring($0) }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            let (key, hash) = try Self.parse(words, line: line)
            if let other = lineOfName.updateValue(line, forKey: key.name) {
                throw KeyFileError(line: line, reason: "it has the name of line \(other)")
            }
            if let other = lineOfHash.updateValue(line, forKey: hash) {
                throw KeyFileError(line: line, reason: "it has the key of line \(other)")
            }
            guard keys.count < Self.maxKeys else {
                throw KeyFileError(line: line, reason: "it is one key too many; \(Self.maxKeys) are allowed")
            }
            keys.append(key)
            hashes.append(hash)
        }
        // More likely a file that is just being written than the wish to lock everyone out.
        guard !keys.isEmpty else { throw KeyFileError(reason: "it holds no key") }
    }

    /// The line of a new key.
    public static func line(
        name: String, scopes: [Scope], token: String, expiry: String?, limits: RateLimits = [:]
    ) -> String {
        let hash = KeyHash(ofToken: token).hex
        let words =
            [name, scopes.map(\.rawValue).joined(separator: ","), hashPrefix + hash] + (expiry.map { [$0] } ?? [])
        let kinds = RateKind.allCases.compactMap { kind in limits[kind].map { "\(kind.rawValue)=\($0)" } }
        return (words + kinds).joined(separator: " ")
    }

    /// Key and hash of a line. Errors quote nothing: what stands in the wrong place may be a hash, or a key.
    private static func parse(_ words: [Substring], line: Int) throws(KeyFileError) -> (APIKey, KeyHash) {
        guard !words.contains(where: { $0.hasPrefix(KeyToken.prefix) }) else {
            throw KeyFileError(
                line: line,
                reason: "it holds a key itself, not its hash; now that the key is written down, make another")
        }
        let more = words.dropFirst(3)
        let days = more.filter { !$0.contains("=") }
        guard words.count >= 3, days.count <= 1 else {
            throw KeyFileError(
                line: line,
                reason: "it has \(words.count) words; name, scopes, \(hashPrefix)hash, perhaps an expiry and limits of "
                    + "\(RateKind.names) are expected")
        }
        guard APIKey.isValidName(words[0]) else {
            throw KeyFileError(line: line, reason: "the name must be 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'")
        }
        var scopes: Set<Scope> = []
        for word in words[1].split(separator: ",", omittingEmptySubsequences: false) {
            guard let scope = Scope(rawValue: String(word)) else {
                throw KeyFileError(
                    line: line,
                    reason: "the scopes must be of \(Scope.allCases.map(\.rawValue).joined(separator: ", ")), "
                        + "joined by commas without spaces")
            }
            scopes.insert(scope)
        }
        guard words[2].hasPrefix(hashPrefix), let hash = KeyHash(hex: words[2].dropFirst(hashPrefix.count)) else {
            throw KeyFileError(
                line: line,
                reason: "the hash must be \(hashPrefix) and \(KeyHash.digits) lower-case hexadecimal digits")
        }
        var key = APIKey(name: String(words[0]), scopes: scopes)
        if let text = days.first {
            guard let day = CivilDate(text) else {
                throw KeyFileError(line: line, reason: "the expiry must be a day such as 2027-01-31")
            }
            key.expiryDay = day.daysSince1970
        }
        for word in more where word.contains("=") { try add(word, to: &key.limits, line: line) }
        return (key, hash)
    }

    /// Adds the limit that `word` writes, such as `rows=1000/s`.
    private static func add(_ word: Substring, to limits: inout RateLimits, line: Int) throws(KeyFileError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = RateKind(rawValue: String(parts[0])) else {
            throw KeyFileError(line: line, reason: "a limit must be of \(RateKind.names)")
        }
        guard let limit = RateLimit(parts[1]) else {
            throw KeyFileError(line: line, reason: "the limit of \(kind.rawValue) must be \(RateLimit.form)")
        }
        guard limits.updateValue(limit, forKey: kind) == nil else {
            throw KeyFileError(line: line, reason: "it has two limits of \(kind.rawValue)")
        }
    }
}

/// Fault of a key file. The description is one line and holds nothing of the file.
public struct KeyFileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Number of the line, from 1; nil when the error is about the file as a whole.
    public var line: Int?
    /// What is wrong, in words that hold nothing of the file.
    public var reason: String

    package init(line: Int? = nil, reason: String) {
        self.line = line
        self.reason = reason
    }

    public var description: String { line.map { "line \($0): \(reason)" } ?? reason }
}
