/// A group of parameter arrays that learn faster or slower than the others.
public struct LearningRateFactor: Sendable, Codable, Equatable, CustomStringConvertible {
    /// One or more whole components of dotted names, such as `standardize`, `biases` or `layers.0`: every array is meant whose
    /// name has them one after another.
    public var pattern: String
    /// Factor of the learning rate, and with it of the decoupled weight decay; 0 keeps the arrays as they are.
    public var factor: Double

    /// Pattern and factor in the command line's form, `pattern=factor`.
    public var description: String { "\(pattern)=\(factor)" }

    public init(pattern: String, factor: Double) {
        self.pattern = pattern
        self.factor = factor
    }

    /// Whether the components of the pattern stand in `name` one after another.
    func matches(_ name: String) -> Bool { !pattern.isEmpty && ".\(name).".contains(".\(pattern).") }

    /// Returns the factor of each array: 1 where none matches its name, and the last where several do.
    /// - Throws: ``TrainingError/noParameter(pattern:example:)`` for a pattern that matches no name.
    static func factors(_ factors: [LearningRateFactor], of names: [String]) throws -> [Double] {
        for factor in factors where !names.contains(where: factor.matches) {
            throw TrainingError.noParameter(pattern: factor.pattern, example: names.first ?? "")
        }
        return names.map { name in factors.last { $0.matches(name) }?.factor ?? 1 }
    }
}
