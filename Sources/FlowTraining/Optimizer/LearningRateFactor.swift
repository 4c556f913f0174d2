/// A group of parameter arrays that learn faster or slower than the others.
public struct LearningRateFactor: Sendable, Codable, Equatable, CustomStringConvertible {
    /// One or more whole components of dotted names, such as `standardize`, `biases` or `layers.0`: every array is meant whose
    /// name has them one after another.
    public var pattern: String
    /// Of the learning rate, and with it of the decoupled weight decay; 0 keeps the arrays as they are.
    public var factor: Double

    /// As on the command line.
    public var description: String { "\(pattern)=\(factor)" }

    public init(pattern: String, factor: Double) {
        self.pattern = pattern
        self.factor = factor
    }

    func matches(_ name: String) -> Bool { !pattern.isEmpty && ".\(name).".contains(".\(pattern).") }

    /// The factor of each array; of several that match a name the last counts, of none 1.
    /// - Throws: ``TrainingError/noParameter(pattern:example:)`` for a pattern that matches no name.
    static func factors(_ factors: [LearningRateFactor], of names: [String]) throws -> [Double] {
        for factor in factors where !names.contains(where: factor.matches) {
            throw TrainingError.noParameter(pattern: factor.pattern, example: names.first ?? "")
        }
        return names.map { name in factors.last { $0.matches(name) }?.factor ?? 1 }
    }
}
