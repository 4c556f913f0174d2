/// Files and images that cannot be read, of which the first are named.
public struct BadEntries: Sendable, Equatable {
    /// Errors of the first ``mostNamed``.
    public private(set) var first: [DataError] = []
    /// Number of all.
    public private(set) var count = 0

    /// Most errors that are kept.
    public static let mostNamed = 10

    public init() {}

    mutating func add(_ error: DataError) {
        if count < Self.mostNamed { first.append(error) }
        count += 1
    }

    /// Lines that name them: the first ten, then a count.
    public var lines: [String] {
        first.map(\.description) + (count > first.count ? ["and \(count - first.count) more"] : [])
    }
}
