import System

/// The query of a request target: names and values, percent-decoded.
public struct Query: Sendable {
    private let values: [String: String]

    /// The query `text`, which is what follows the question mark; nil for none.
    /// - Throws: ``QueryError/malformed``, ``QueryError/unknown(name:known:)`` for a name that is not among `known`,
    ///   ``QueryError/repeated(name:)``.
    public init(_ text: Substring?, known: [String]) throws(QueryError) {
        var pairs: [(name: String, value: String)] = []
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecoded(parts[0], plusIsSpace: true),
                let value = percentDecoded(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else { throw .malformed }
            pairs.append((name, value))
        }
        try self.init(pairs, known: known)
    }

    /// Parameters that came in another form than a query.
    /// - Throws: ``QueryError/unknown(name:known:)``, ``QueryError/repeated(name:)``.
    public init(_ pairs: [(name: String, value: String)], known: [String]) throws(QueryError) {
        var values: [String: String] = [:]
        for (name, value) in pairs {
            guard known.contains(name) else { throw .unknown(name: name, known: known) }
            guard values.updateValue(value, forKey: name) == nil else { throw .repeated(name: name) }
        }
        self.values = values
    }

    /// The value of the parameter `name` as it was sent; nil when it was not.
    public subscript(_ name: String) -> String? { values[name] }

    /// The value of the parameter `name` as a whole number; nil when it was not sent.
    /// - Throws: ``QueryError/invalid(name:expected:value:)`` unless it is one in `range`.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(QueryError) -> Int? {
        guard let text = values[name] else { return nil }
        guard isDigits(text), let value = Int(text), range.contains(value) else {
            throw wrong(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// The value of the parameter `name` as a whole number of 64 bits; nil when it was not sent.
    /// - Throws: ``QueryError/invalid(name:expected:value:)`` unless it is one.
    public func unsigned(_ name: String) throws(QueryError) -> UInt64? {
        guard let text = values[name] else { return nil }
        guard isDigits(text), let value = UInt64(text) else {
            throw wrong(name, text, "a whole number from 0 to \(UInt64.max)")
        }
        return value
    }

    /// The value of the parameter `name` as a decimal number; nil when it was not sent.
    /// - Throws: ``QueryError/invalid(name:expected:value:)`` unless it is one in `(0, limit]`, also in single precision.
    public func positive(_ name: String, upTo limit: Double) throws(QueryError) -> Double? {
        guard let text = values[name] else { return nil }
        guard text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }), let value = Double(text), value <= limit,
            Float(value) > 0
        else { throw wrong(name, text, "a number greater than 0 and at most \(limit)") }
        return value
    }

    /// The value of the parameter `name` as a case of `Choice`; nil when it was not sent.
    /// - Throws: ``QueryError/invalid(name:expected:value:)`` unless it is a case's raw value.
    public func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of _: Choice.Type
    ) throws(QueryError) -> Choice? where Choice.RawValue == String {
        guard let text = values[name] else { return nil }
        guard let value = Choice(rawValue: text) else {
            throw wrong(name, text, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    private func isDigits(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(ASCII.isDigit)
    }

    private func wrong(_ name: String, _ value: String, _ expected: String) -> QueryError {
        .invalid(name: name, expected: expected, value: value)
    }
}

/// Reason why a query cannot be used.
public enum QueryError: Error, Equatable, Sendable {
    /// The query is not percent-encoded UTF-8.
    case malformed
    /// The parameter `name` is none of the `known`.
    case unknown(name: String, known: [String])
    /// The parameter `name` is given twice.
    case repeated(name: String)
    /// The parameter `name` is `value`, which is not what `expected` says.
    case invalid(name: String, expected: String, value: String)
}
