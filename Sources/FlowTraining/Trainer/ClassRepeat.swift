public import DataSets

/// A class whose images an epoch has several times, each time with an augmentation and noise of their own: what it is to learn
/// better than the others, or what it has few images of. The prior of a class-conditional density does not count them twice.
public struct ClassRepeat: Sendable, Codable, Equatable, CustomStringConvertible {
    /// The class by its name or its number.
    public var name: String
    /// At least 1.
    public var times: Int

    public static let allowedTimes = 1...100

    /// As on the command line.
    public var description: String { "\(name)=\(times)" }

    public init(name: String, times: Int) {
        self.name = name
        self.times = times
    }
}

extension ImageDataSet {
    /// What an epoch has: every image, and behind them those of some classes again and again; of several repeats of a class the
    /// last counts.
    /// - Throws: ``DataError/unknownClass(name:classes:)`` or ``DataError/noLabels(name:)``.
    public func entries(repeating repeats: [ClassRepeat]) throws(DataError) -> [Int] {
        guard let first = repeats.first else { return Array(0..<count) }
        guard let labels else { throw .noLabels(name: first.name) }
        var times = [Int](repeating: 1, count: classes.count)
        for own in repeats { times[try label(named: own.name)] = own.times }
        return Array(0..<count) + labels.indices.flatMap { Array(repeating: $0, count: times[labels[$0]] - 1) }
    }
}
