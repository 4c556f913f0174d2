import System

/// An API key as the service knows it, by its line of the key file.
public struct APIKey: Equatable, Sendable {
    /// Name of 1 to 64 of `[A-Za-z0-9._-]`, which stands in the log in place of the key.
    public var name: String
    /// Scopes of what the key lets its holder do.
    public var scopes: Set<Scope>
    /// The first day on which the key is refused, in days since 1 January 1970, UTC; nil for never.
    package var expiryDay: Int?
    /// Limits of its use, in place of those of all keys.
    package var limits: RateLimits

    package init(name: String, scopes: Set<Scope>, expiryDay: Int? = nil, limits: RateLimits = [:]) {
        self.name = name
        self.scopes = scopes
        self.expiryDay = expiryDay
        self.limits = limits
    }

    /// Whether the key is refused at `second`, in seconds since 1970.
    func isExpired(at second: Int) -> Bool { expiryDay.map { second / 86_400 >= $0 } ?? false }

    /// Whether `text` can be a name.
    public static func isValidName(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy(RequestID.isSane)
    }
}

/// A key as its holder has it: `tusk_`, 256 random bits in hexadecimal, and 8 digits that check them, so that a scanner
/// for leaked secrets recognises one without asking.
public enum KeyToken {
    static let prefix = "tusk_"
    static let randomDigits = 64
    static let checkDigits = 8

    /// A new token, from the system's random numbers (on Linux `getrandom`).
    public static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = (0..<4).map { _ in hexDigits(of: generator.next()) }.joined()
        return prefix + digits + check(digits)
    }

    /// Whether `text` has the form of a token, check digits included.
    package static func isWellFormed(_ text: some StringProtocol) -> Bool {
        guard text.utf8.count == prefix.utf8.count + randomDigits + checkDigits, text.hasPrefix(prefix) else {
            return false
        }
        let digits = text.dropFirst(prefix.count)
        return digits.utf8.allSatisfy(ASCII.isLowercaseHexDigit)
            && check(String(digits.prefix(randomDigits))) == String(digits.suffix(checkDigits))
    }

    /// The first digits of the SHA-256 of the random digits.
    private static func check(_ digits: String) -> String {
        String(SHA256.hex(Array(digits.utf8)).prefix(checkDigits))
    }
}

/// The SHA-256 of a token.
///
/// Neither salted nor slow: both help passwords, which can be guessed. 256 random bits cannot.
package struct KeyHash: Hashable, Sendable {
    /// Bits of the hash, its first bytes first.
    package var words: (UInt64, UInt64, UInt64, UInt64)

    static let digits = 64

    /// The hash of `token`.
    package init(ofToken token: some StringProtocol) {
        let bytes = SHA256.digest(Array(token.utf8))
        func word(_ index: Int) -> UInt64 { bytes[index * 8..<index * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        words = (word(0), word(1), word(2), word(3))
    }

    /// The hash that `hex` writes; nil unless it is 64 lower-case hexadecimal digits.
    package init?(hex: some StringProtocol) {
        guard hex.utf8.count == Self.digits, hex.utf8.allSatisfy(ASCII.isLowercaseHexDigit) else { return nil }
        let digits = Array(hex.utf8)
        func word(_ index: Int) -> UInt64 {
            digits[index * 16..<index * 16 + 16].reduce(0) { word, digit in
                word << 4 | UInt64(ASCII.hexValue(digit) ?? 0)  // a digit, by the guard
            }
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// Text of the hash, 64 lower-case hexadecimal digits.
    package var hex: String { [words.0, words.1, words.2, words.3].map(hexDigits(of:)).joined() }

    /// 1 if the two hashes are equal, else 0, in a time that does not depend on either.
    package func matches(_ other: KeyHash) -> UInt64 {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        // The top bit of d | -d is set for every d but 0.
        return 1 ^ ((difference | (0 &- difference)) >> 63)
    }

    package static func == (a: KeyHash, b: KeyHash) -> Bool { a.matches(b) == 1 }
    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// Text of `value`, 16 lower-case hexadecimal digits.
package func hexDigits(of value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}
