/// The query of a request target: names and values, percent-decoded.
struct Query: Sendable {
    private let values: [String: String]

    /// - Throws: ``ProblemKind/malformedRequest`` for a bad percent-encoding; ``ProblemKind/parameter`` for a name
    ///   that is there twice or is not among `known`.
    init(_ text: Substring?, known: [String]) throws(Problem) {
        var values: [String: String] = [:]
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = percentDecoded(parts[0], plusIsSpace: true),
                let value = percentDecoded(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else { throw Problem(.malformedRequest, "the query is not percent-encoded UTF-8") }
            guard known.contains(name) else {
                let list = known.isEmpty ? "there are none here" : "known are \(known.joined(separator: ", "))"
                throw Problem(.parameter, "unknown query parameter \(quoted(name)): \(list)")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw Problem(.parameter, "\(name) is given twice")
            }
        }
        self.values = values
    }

    subscript(_ name: String) -> String? { values[name] }

    /// - Throws: ``ProblemKind/parameter`` unless the value is a whole number in `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = values[name] else { return nil }
        guard isDigits(text), let value = Int(text), range.contains(value) else {
            throw wrong(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// - Throws: ``ProblemKind/parameter`` unless the value is a whole number that fits in 64 bits.
    func unsigned(_ name: String) throws(Problem) -> UInt64? {
        guard let text = values[name] else { return nil }
        guard isDigits(text), let value = UInt64(text) else {
            throw wrong(name, text, "a whole number from 0 to \(UInt64.max)")
        }
        return value
    }

    /// - Throws: ``ProblemKind/parameter`` unless the value is a decimal number in `(0, limit]`.
    func positive(_ name: String, upTo limit: Float) throws(Problem) -> Float? {
        guard let text = values[name] else { return nil }
        guard text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }), let value = Float(text), value > 0,
            value <= limit
        else { throw wrong(name, text, "a number greater than 0 and at most \(limit)") }
        return value
    }

    /// - Throws: ``ProblemKind/parameter`` unless the value is one of `Choice`'s.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, of _: Choice.Type
    ) throws(Problem) -> Choice? where Choice.RawValue == String {
        guard let text = values[name] else { return nil }
        guard let value = Choice(rawValue: text) else {
            throw wrong(name, text, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    private func isDigits(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private func wrong(_ name: String, _ value: String, _ expected: String) -> Problem {
        Problem(.parameter, "\(name) must be \(expected), not \(quoted(value))")
    }
}

/// `text` with `%xx` undone (RFC 3986, section 2.1), and `+` too in a query; nil unless that is UTF-8.
func percentDecoded(_ text: Substring, plusIsSpace: Bool = false) -> String? {
    let percent = UInt8(ascii: "%")
    let plus = plusIsSpace ? UInt8(ascii: "+") : percent
    guard text.utf8.contains(where: { $0 == percent || $0 == plus }) else { return String(text) }
    let bytes = Array(text.utf8)
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "%"):
            guard index + 2 < bytes.count, let high = hexValue(bytes[index + 1]), let low = hexValue(bytes[index + 2])
            else { return nil }
            decoded.append(high << 4 | low)
            index += 3
        case UInt8(ascii: "+") where plusIsSpace:
            decoded.append(0x20)
            index += 1
        case let byte:
            decoded.append(byte)
            index += 1
        }
    }
    return String(validating: decoded, as: UTF8.self)
}
