/// Kind of what a key's use is limited in.
public enum RateKind: String, CaseIterable, Sendable {
    /// Requests, whatever they ask for.
    case requests
    /// Images that are scored, times `samples`, images that are drawn, and latents.
    case rows
    /// Bytes of the requests' bodies.
    case bytes

    /// The kinds in words, for errors.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// So much in each period over time, and so much at once: `10/s`, `1000/min`, `20M/h,burst=50M`.
public struct Rate: Equatable, Sendable {
    /// Period that a rate is said in.
    public enum Period: String, CaseIterable, Sendable {
        case second = "s"
        case minute = "min"
        case hour = "h"

        /// Length of the period in nanoseconds.
        var nanoseconds: Int {
            switch self {
            case .second: 1_000_000_000
            case .minute: 60_000_000_000
            case .hour: 3_600_000_000_000
            }
        }
    }

    /// Largest ``count`` and ``burst``.
    public static let most = 1_000_000_000_000
    /// What a text of a rate must be, as the end of an error.
    public static let form =
        "such as 10/s, 1000/min or 20M/h,burst=50M, of whole numbers from 1 to 1000G, with k, M or G for thousands"

    /// Number in each period, 1 to ``most``.
    public let count: Int
    public let period: Period
    /// Number at once, 1 to ``most``: what is there after a long rest.
    public let burst: Int

    /// - Precondition: both numbers are 1 to ``most``.
    init(_ count: Int, per period: Period, burst: Int? = nil) {
        precondition((1...Self.most).contains(count) && (1...Self.most).contains(burst ?? count))
        self.count = count
        self.period = period
        self.burst = burst ?? count
    }

    /// The rate that `text` writes; nil when it writes none. Without a burst that is as much as one period gives.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
        let rate = parts[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard rate.count == 2, let count = Self.number(rate[0]), let period = Period(rawValue: String(rate[1])) else {
            return nil
        }
        var burst = count
        if parts.count == 2 {
            let name = "burst="
            guard parts[1].hasPrefix(name), let given = Self.number(parts[1].dropFirst(name.count)) else { return nil }
            burst = given
        }
        self.init(count, per: period, burst: burst)
    }

    /// A whole number from 1 to ``most``, of digits and perhaps one of `k`, `M`, `G`; nil for anything else.
    private static func number(_ text: some StringProtocol) -> Int? {
        let factors: [Character: Int] = ["k": 1000, "M": 1_000_000, "G": 1_000_000_000]
        let factor = text.last.flatMap { factors[$0] }
        let digits = factor == nil ? text[...] : text.dropLast()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(digits) else {
            return nil
        }
        let (product, overflow) = value.multipliedReportingOverflow(by: factor ?? 1)
        return !overflow && (1...most).contains(product) ? product : nil
    }
}

extension Rate: CustomStringConvertible {
    public var description: String {
        "\(count)/\(period.rawValue)" + (burst == count ? "" : ",burst=\(burst)")
    }
}

/// Limit of one kind.
public enum RateLimit: Equatable, Sendable {
    /// None, also where there is one for all other keys.
    case unlimited
    case rate(Rate)

    static let unlimitedName = "none"
    /// What a text of a limit must be, as the end of an error.
    public static let form = "none, or a rate \(Rate.form)"

    /// The limit that `text` writes: a ``Rate``, or `none`; nil when it writes neither.
    public init?(_ text: some StringProtocol) {
        if text == Self.unlimitedName {
            self = .unlimited
        } else if let rate = Rate(text) {
            self = .rate(rate)
        } else {
            return nil
        }
    }
}

extension RateLimit: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unlimited: Self.unlimitedName
        case .rate(let rate): "\(rate)"
        }
    }
}

/// Limits of a key's use, by their kinds; a kind without one is as the service has it for all keys.
public typealias RateLimits = [RateKind: RateLimit]
