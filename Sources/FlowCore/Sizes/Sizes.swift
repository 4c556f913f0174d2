/// Values of sizes by their names: one flat JSON object in model files, in checkpoints and over HTTP.
///
/// A size that is not among them has its field's standard value.
public struct Sizes: Sendable, Equatable {
    private var values: [String: SizeValue]

    public init() { values = [:] }

    /// Names of the sizes that have a value here, sorted.
    public var names: [String] { values.keys.sorted() }

    public subscript(name: String) -> SizeValue? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// The value of a field. Where there is one it must be of the field's kind; what comes from outside is
    /// ``resolved(by:)`` before anything is asked for.
    public subscript<Value>(field: SizeField<Value>) -> Value {
        get {
            guard let value = values[field.name] else { return field.standard }
            guard let own = Value(sizeValue: value) else {
                preconditionFailure("\(field.name) is \(value), not \(Value.kind)")
            }
            return own
        }
        set { values[field.name] = newValue.sizeValue }
    }

    /// The values of `other`, and of those here that it does not have.
    public func overridden(by other: Sizes) -> Sizes {
        var sizes = self
        sizes.values.merge(other.values) { _, new in new }
        return sizes
    }

    /// A value for each of the fields and for nothing else: the one here, or the field's standard.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for the first that makes no sense.
    public func resolved(by fields: [any SizeDescription]) throws(FlowError) -> Sizes {
        var sizes = Sizes()
        for field in fields { sizes.values[field.name] = try field.checked(values[field.name] ?? field.standardValue) }
        return sizes
    }
}

extension Sizes: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, SizeValue)...) {
        values = Dictionary(uniqueKeysWithValues: elements)
    }
}

extension Sizes: Codable {
    public init(from decoder: any Decoder) throws { values = try [String: SizeValue](from: decoder) }
    public func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }
}
