public import DataSets

/// A class whose images an epoch has several times, each time with an augmentation and noise of their own: a class that is to be
/// learned better than the others, or has few images. The prior of a class-conditional density does not count them twice.
public struct ClassRepeat: Sendable, Codable, Equatable, CustomStringConvertible {
    /// Name or number of the class.
    public var name: String
    /// Number of times that an epoch has each image of the class, among ``allowedTimes``.
    public var times: Int

    /// Values that ``times`` may have.
    public static let allowedTimes = 1...100

    /// Name and number in the command line's form, `name=times`.
    public var description: String { "\(name)=\(times)" }

    public init(name: String, times: Int) {
        self.name = name
        self.times = times
    }
}

extension ImageDataSet {
    /// Returns the entries of an epoch, indices of images: every image, and behind them those of some classes again and again. The
    /// last of several repeats of a class counts.
    /// - Throws: ``DataError/unknownClass(name:classes:)`` or ``DataError/noLabels(name:)``.
    public func entries(repeating repeats: [ClassRepeat]) throws(DataError) -> [Int] {
        guard let first = repeats.first else { return Array(0..<count) }
        guard let labels else { throw .noLabels(name: first.name) }
        var times = [Int](repeating: 1, count: classes.count)
        for own in repeats { times[try label(named: own.name)] = own.times }
        return Array(0..<count) + labels.indices.flatMap { Array(repeating: $0, count: times[labels[$0]] - 1) }
    }
}
