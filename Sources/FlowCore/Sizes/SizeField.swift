/// A size of an architecture, whatever the type of its values. Decoding, validation, options of the command line, help,
/// `GET /models` and the identity of checkpoints follow from tables of such sizes.
public protocol SizeDescription: Sendable {
    /// Name in model files and over HTTP, in snake case.
    var name: String { get }
    /// Meaning of the size, a sentence for the command line.
    var help: String { get }
    /// Placeholder of the value in the help.
    var valueName: String { get }
    /// Allowed values in words, such as `2 to 64`; empty where ``kind`` says it all.
    var allowedWords: String { get }
    /// Value where nothing else is said.
    var standardValue: SizeValue { get }
    /// Whether a model file must have the size. A size that became one later is absent in older files, which then have the
    /// standard value.
    var isRequired: Bool { get }
    /// Whether the size is given on the command line; else it follows from the data, or stands in files of imported models alone.
    var isOption: Bool { get }
    /// Whether the value is yes or no, so that the option takes none.
    var isSwitch: Bool { get }
    /// Words to choose from; empty where there are more than can be listed.
    var choices: [String] { get }

    /// Converts `value` to the kind of this size and checks it.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for a value of another kind, or one that is not allowed.
    func checked(_ value: SizeValue) throws(FlowError) -> SizeValue
    /// Reads a value of the command line, without checking it; nil where it cannot be read.
    func value(words: String) -> SizeValue?
    /// Kind of value in the words of an error, such as `a whole number`.
    var kind: String { get }
    /// Puts a value of this kind into words for the description of a flow, such as `8 bins`; nil where it is not worth a word.
    func phrase(_ value: SizeValue) -> String?
}

extension SizeDescription {
    /// Name of the option on the command line, such as `tail-bound`.
    public var optionName: String { name.replacing("_", with: "-") }
}

/// A size with values of one type. Families list the fields that they have; two families may share one.
public struct SizeField<Value: SizeRepresentable>: SizeDescription {
    /// Set of allowed values, with the words that describe it.
    public struct Allowed: Sendable {
        let words: String
        let contains: @Sendable (Value) -> Bool
    }

    public let name: String
    /// Value where nothing else is said.
    public let standard: Value
    public let help: String
    public let valueName: String
    public let isRequired: Bool
    public let isOption: Bool
    private let allowed: Allowed
    private let words: @Sendable (Value) -> String?

    /// - Parameters:
    ///   - name: in snake case, as in model files; with hyphens it is the option's.
    ///   - standard: an allowed value; false where the size is a switch.
    ///   - isRequired: false for a size that families have had without it; see ``SizeDescription/isRequired``.
    ///   - phrase: the value in a description of a flow; by default `name value`.
    public init(
        _ name: String, standard: Value, _ allowed: Allowed = .all, isRequired: Bool = true, isOption: Bool = true,
        valueName: String = "n", help: String, phrase: (@Sendable (Value) -> String?)? = nil
    ) {
        precondition(allowed.contains(standard), "the standard value of \(name) is not allowed")
        precondition(standard as? Bool != true, "\(name) can be switched on, not off")
        self.name = name
        self.standard = standard
        self.allowed = allowed
        self.isRequired = isRequired
        self.isOption = isOption
        self.valueName = valueName
        self.help = help
        words = phrase ?? { "\(name.replacing("_", with: " ")) \($0.sizeValue)" }
    }

    public var allowedWords: String { allowed.words }
    public var standardValue: SizeValue { standard.sizeValue }
    public var isSwitch: Bool { Value.self == Bool.self }
    public var choices: [String] { Value.choices }
    public var kind: String { Value.kind }

    public func checked(_ value: SizeValue) throws(FlowError) -> SizeValue {
        guard let own = Value(sizeValue: value), allowed.contains(own) else {
            throw FlowError.outOfRange(
                argument: name, value: "\(value)", allowed: allowed.words.isEmpty ? Value.kind : allowed.words)
        }
        return own.sizeValue
    }

    public func value(words: String) -> SizeValue? { Value(words: words)?.sizeValue }

    public func phrase(_ value: SizeValue) -> String? { Value(sizeValue: value).flatMap(words) }
}

extension SizeField.Allowed {
    /// Every value of the type.
    public static var all: Self { Self(words: "") { _ in true } }
}

extension SizeField.Allowed where Value: Comparable & SizeRepresentable {
    /// Values of a closed range.
    public static func range(_ range: ClosedRange<Value>) -> Self {
        Self(words: "\(range.lowerBound.sizeValue) to \(range.upperBound.sizeValue)", contains: range.contains)
    }

    /// Values of a list.
    public static func oneOf(_ values: [Value]) -> Self {
        let words = values.map { "\($0.sizeValue)" }
        return Self(
            words: ([words.dropLast().joined(separator: ", ")] + words.suffix(1)).joined(separator: " or "),
            contains: { values.contains($0) })
    }
}

extension SizeField<[Int]>.Allowed {
    /// Lists with a length in `counts` and numbers in `range`.
    public static func lists(of counts: ClosedRange<Int>, in range: ClosedRange<Int>) -> Self {
        let count =
            counts.lowerBound == 0
            ? "none, or up to \(counts.upperBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
        return Self(words: "\(count) numbers of \(range.lowerBound) to \(range.upperBound)") {
            counts.contains($0.count) && $0.allSatisfy(range.contains)
        }
    }
}
