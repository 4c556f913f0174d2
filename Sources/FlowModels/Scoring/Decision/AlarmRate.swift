import System

/// Rate of false alarms, a fraction of whole numbers: of images like the learned ones, how many may be called outliers.
///
/// Whole numbers, since at the bound itself `p ≤ rate` must not hang on how a division rounds.
public struct AlarmRate: Sendable, Equatable {
    /// Numerator and denominator, `0 < numerator/denominator ≤ 1/2`.
    let numerator: Int
    let denominator: Int

    /// Digits after the point, at most.
    public static let maxDigits = 9

    /// Reads a decimal fraction, such as `0.01`; nil unless it is above 0, at most 0.5 and of at most ``maxDigits`` digits after its
    /// point.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.count > 1 ? parts[1] : ""
        guard parts[0] == "0", !digits.isEmpty, digits.utf8.count <= Self.maxDigits,
            digits.utf8.allSatisfy(ASCII.isDigit), let value = Int(digits)
        else { return nil }
        let whole = (0..<digits.utf8.count).reduce(1) { product, _ in product * 10 }
        guard value > 0, 2 * value <= whole else { return nil }
        (numerator, denominator) = (value, whole)
    }

    /// Rate as a number.
    public var value: Double { Double(numerator) / Double(denominator) }

    /// Whether `count/total` is at most so many times the rate.
    public func isReached(by count: Int, of total: Int, times factor: Int = 1) -> Bool {
        count * denominator <= factor * numerator * total
    }

    /// Least number of images among which an image can be told at this rate.
    public var leastImages: Int { (denominator + numerator - 1) / numerator - 1 }
}

extension AlarmRate: CustomStringConvertible {
    public var description: String {
        let digits = String(denominator + numerator).dropFirst()
        return "0." + digits
    }
}

extension AlarmRate: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let rate = AlarmRate(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "is no decimal fraction above 0 and at most 0.5")
        }
        self = rate
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
