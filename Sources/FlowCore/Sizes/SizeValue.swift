/// A size of an architecture as it stands in a model file: a number, several, yes or no, or a word.
public enum SizeValue: Sendable, Equatable {
    /// A whole number.
    case integer(Int)
    /// A number that need not be whole.
    case real(Float)
    /// Whole numbers, such as the widths of layers.
    case integers([Int])
    /// True or false.
    case flag(Bool)
    /// A word, such as the name of an activation.
    case word(String)
}

extension SizeValue: CustomStringConvertible {
    /// The value as on the command line, such as `512,512`.
    public var description: String {
        switch self {
        case .integer(let value): return "\(value)"
        case .real(let value):
            let text = "\(value)"
            return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        case .integers(let values):
            return values.isEmpty ? "none" : values.map(String.init).joined(separator: ",")
        case .flag(let value): return "\(value)"
        case .word(let value): return value
        }
    }
}

extension SizeValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByStringLiteral
{
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Float) { self = .real(value) }
    public init(arrayLiteral elements: Int...) { self = .integers(elements) }
    public init(booleanLiteral value: Bool) { self = .flag(value) }
    public init(stringLiteral value: String) { self = .word(value) }
}

extension SizeValue: Codable {
    /// Decodes a whole number in JSON as ``integer(_:)``, whatever the kind of size: `5` may be a bound of 5.0.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Float.self) {
            self = .real(value)
        } else if let value = try? container.decode(String.self) {
            self = .word(value)
        } else {
            self = .integers(try container.decode([Int].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .integer(let value): try container.encode(value)
        case .real(let value): try container.encode(value)
        case .integers(let values): try container.encode(values)
        case .flag(let value): try container.encode(value)
        case .word(let value): try container.encode(value)
        }
    }
}

/// A type of values that a size can have.
public protocol SizeRepresentable: Sendable, Equatable {
    /// Kind of value in the words of an error, such as `a whole number`.
    static var kind: String { get }
    /// Words to choose from; empty where there are more than can be listed.
    static var choices: [String] { get }
    /// Converts a model file's value; nil where it is of another kind.
    init?(sizeValue value: SizeValue)
    /// Reads a value of the command line; nil where it cannot be read.
    init?(words: String)
    /// Value as a model file has it.
    var sizeValue: SizeValue { get }
}

extension SizeRepresentable {
    public static var choices: [String] { [] }
}

extension Int: SizeRepresentable {
    public static var kind: String { "a whole number" }
    public init?(sizeValue value: SizeValue) {
        guard case .integer(let number) = value else { return nil }
        self = number
    }
    public init?(words: String) { self.init(words) }
    public var sizeValue: SizeValue { .integer(self) }
}

extension Float: SizeRepresentable {
    public static var kind: String { "a number" }
    public init?(sizeValue value: SizeValue) {
        switch value {
        case .real(let number): self = number
        case .integer(let number): self = Float(number)
        default: return nil
        }
    }
    public init?(words: String) { self.init(words) }
    public var sizeValue: SizeValue { .real(self) }
}

extension Bool: SizeRepresentable {
    public static var kind: String { "true or false" }
    public init?(sizeValue value: SizeValue) {
        guard case .flag(let flag) = value else { return nil }
        self = flag
    }
    public init?(words: String) { self.init(words) }
    public var sizeValue: SizeValue { .flag(self) }
}

extension [Int]: SizeRepresentable {
    public static var kind: String { "whole numbers with commas between them" }
    public init?(sizeValue value: SizeValue) {
        guard case .integers(let numbers) = value else { return nil }
        self = numbers
    }
    public init?(words: String) {
        if words == "none" {
            self = []
            return
        }
        let parts = words.split(separator: ",", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }
        guard numbers.count == parts.count else { return nil }
        self = numbers
    }
    public var sizeValue: SizeValue { .integers(self) }
}

/// Cases of an enumeration are chosen by their names.
extension SizeRepresentable where Self: RawRepresentable & CaseIterable, RawValue == String {
    public static var kind: String { "one of \(choices.joined(separator: ", "))" }
    public static var choices: [String] { allCases.map(\.rawValue) }
    public init?(sizeValue value: SizeValue) {
        guard case .word(let word) = value else { return nil }
        self.init(rawValue: word)
    }
    public init?(words: String) { self.init(rawValue: words) }
    public var sizeValue: SizeValue { .word(rawValue) }
}
