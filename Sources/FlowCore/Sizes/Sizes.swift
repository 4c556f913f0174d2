/// Values of sizes by their names: one flat JSON object in model files, in checkpoints and over HTTP.
///
/// A size that is not among them has its field's standard value.
public struct Sizes: Sendable, Equatable {
    private var values: [String: SizeValue]

    /// No values: every size has its field's standard one.
    public init() { values = [:] }

    /// Names of the sizes that have a value here, sorted.
    public var names: [String] { values.keys.sorted() }

    /// Value of the size with a name, nil where its field's standard one holds.
    public subscript(name: String) -> SizeValue? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// Value of a field, or its standard one. A value of another kind is a fault of ours: what comes from outside is
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

    /// Merges two sets of values; where both have one, that of `other` counts.
    public func overridden(by other: Sizes) -> Sizes {
        var sizes = self
        sizes.values.merge(other.values) { _, new in new }
        return sizes
    }

    /// Checks the values by a table of fields: the result has one for each field, its standard one where none is here, and no
    /// others.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for the first that is not allowed.
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
