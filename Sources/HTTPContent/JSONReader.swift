import System

/// Reason why some bytes are not JSON, or are more of it than is taken.
public struct JSONError: Error, Equatable, Sendable {
    /// What is wrong; completes "at byte N, …".
    public var reason: String
    /// Bytes before the one at which reading ended.
    public var offset: Int

    package init(reason: String, offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

/// Reader of one JSON text, strictly by RFC 8259, with bounds on what it may hold. A byte order mark in front is passed over, as section
/// 8.1 permits.
///
/// `JSONDecoder` is not used here because a batch of images is some hundred thousand small integers: this reads them
/// straight into arrays, says where a text is wrong, and bounds depth and containers before anything is built.
public struct JSONReader {
    /// Bounds of a text, beside that on its bytes.
    public struct Limits: Sendable {
        /// Arrays and objects inside each other, at most.
        public var depth: Int
        /// Arrays and objects altogether, at most.
        public var containers: Int

        /// Bounds that every body of a few images keeps.
        public init(depth: Int = 8, containers: Int = 65_536) {
            self.depth = depth
            self.containers = containers
        }
    }

    /// U+FEFF in UTF-8.
    package static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private let bytes: [UInt8]
    private let limits: Limits
    private let readsNotFinite: Bool
    private var index = 0
    private var containers = 0

    private init(_ bytes: [UInt8], limits: Limits, readsNotFinite: Bool) {
        self.bytes = bytes
        self.limits = limits
        self.readsNotFinite = readsNotFinite
    }

    /// The value that all of `bytes` is the text of.
    ///
    /// - Parameter readsNotFinite: whether `NaN`, `Infinity` and `-Infinity` are numbers, which JSON does not have and Python's json
    ///   writes: for who wants to say where they stand.
    /// - Throws: ``JSONError`` when it is no JSON, passes a limit, names a member twice, or has an object of more than
    ///   32 members.
    public static func read(
        _ bytes: [UInt8], limits: Limits = Limits(), readsNotFinite: Bool = false
    ) throws(JSONError) -> JSON {
        var reader = JSONReader(bytes, limits: limits, readsNotFinite: readsNotFinite)
        if bytes.starts(with: byteOrderMark) { reader.index = byteOrderMark.count }
        // two or four bytes for a character, all but one of which are 0 where it is a bracket or a quote
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0])
            || bytes.dropFirst().starts(with: [0, 0, 0])
        {
            throw reader.error("it is UTF-32, and JSON is UTF-8 (RFC 8259, section 8.1)")
        }
        if [[0xFE, 0xFF], [0xFF, 0xFE]].contains(where: bytes.starts(with:)) || bytes.prefix(2).contains(0) {
            throw reader.error("it is UTF-16, and JSON is UTF-8 (RFC 8259, section 8.1)")
        }
        reader.skipSpace()
        let value = try reader.value(depth: 0)
        let end = reader.index
        reader.skipSpace()
        guard reader.index == bytes.count else {
            let isLine = bytes[end..<reader.index].contains(ASCII.lineFeed)
            throw reader.error(
                "there is more after the value" + (isLine ? "; lines of JSON are sent as \(MediaType.ndjson)" : ""))
        }
        return value
    }

    private func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: index) }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "N") where readsNotFinite: return try literal("NaN", .number(.nan))
        case UInt8(ascii: "I") where readsNotFinite: return try literal("Infinity", .number(.infinity))
        case let byte? where byte == UInt8(ascii: "-") || ASCII.isDigit(byte): return try number()
        case nil: throw error("it ends where a value should be")
        default: throw error("no value begins so")
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        for byte in text.description.utf8 where !skip(byte) { throw error("no value begins so") }
        return value
    }

    private mutating func enter(depth: Int) throws(JSONError) {
        guard depth < limits.depth else { throw error("it is nested more than \(limits.depth) deep") }
        containers += 1
        guard containers <= limits.containers else {
            throw error("it has more than \(limits.containers) arrays and objects")
        }
        index += 1  // the bracket
        skipSpace()
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        try enter(depth: depth)
        var members: [JSON.Member] = []
        if skip(UInt8(ascii: "}")) { return .object([]) }
        while true {
            guard next == UInt8(ascii: "\"") else { throw error("a member's name should be here") }
            let name = try string()
            guard !members.contains(where: { $0.name == name }) else { throw error("a name is there twice") }
            // Names are looked up one by one above, and no object of ours has many.
            guard members.count < 32 else { throw error("an object has more than 32 members") }
            skipSpace()
            guard skip(UInt8(ascii: ":")) else { throw error("a colon should be here") }
            skipSpace()
            members.append(JSON.Member(name, try value(depth: depth + 1)))
            skipSpace()
            if skip(UInt8(ascii: "}")) { return .object(members) }
            guard skip(UInt8(ascii: ",")) else { throw error("a comma or } should be here") }
            skipSpace()
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        try enter(depth: depth)
        if skip(UInt8(ascii: "]")) { return .array([]) }
        var elements = Elements()
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if skip(UInt8(ascii: "]")) { return elements.array }
            guard skip(UInt8(ascii: ",")) else { throw error("a comma or ] should be here") }
            skipSpace()
        }
    }

    /// Elements of an array, as long as they are numbers without a value for each.
    private struct Elements {
        private var integers: [Int] = []
        private var numbers: [Double] = []
        private var values: [JSON] = []

        mutating func append(_ value: JSON) {
            switch value {
            case .integer(let integer) where values.isEmpty && numbers.isEmpty: integers.append(integer)
            case .integer(let integer) where values.isEmpty: numbers.append(Double(integer))
            case .number(let number) where values.isEmpty:
                if numbers.isEmpty { numbers = integers.map(Double.init) }
                integers = []
                numbers.append(number)
            default:
                if values.isEmpty { values = integers.map(JSON.integer) + numbers.map(JSON.number) }
                (integers, numbers) = ([], [])
                values.append(value)
            }
        }

        var array: JSON {
            if !values.isEmpty { return .array(values) }
            return numbers.isEmpty ? .integers(integers) : .numbers(numbers)
        }
    }

    private mutating func digits() -> Range<Int> {
        let start = index
        while let byte = next, ASCII.isDigit(byte) { index += 1 }
        return start..<index
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = index  // of any length: as many digits as wanted may follow the point
        let isNegative = skip(UInt8(ascii: "-"))
        if isNegative, readsNotFinite, next == UInt8(ascii: "I") { return try literal("Infinity", .number(-.infinity)) }
        let whole = digits()
        guard !whole.isEmpty else { throw error("a digit should be here") }
        guard whole.count == 1 || bytes[whole.lowerBound] != UInt8(ascii: "0") else {
            throw error("a number begins with 0")
        }
        var isInteger = true
        if skip(UInt8(ascii: ".")) {
            isInteger = false
            guard !digits().isEmpty else { throw error("a digit should be here") }
        }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            isInteger = false
            _ = skip(UInt8(ascii: "+")) || skip(UInt8(ascii: "-"))
            guard !digits().isEmpty else { throw error("a digit should be here") }
        }
        if isInteger, whole.count <= 18 {  // so that it fits
            let magnitude = bytes[whole].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            return .integer(isNegative ? -magnitude : magnitude)
        }
        guard let value = Double(String(decoding: bytes[start..<index], as: UTF8.self)), value.isFinite
        else { throw error("a number is too large") }
        return .number(value)
    }

    private mutating func string() throws(JSONError) -> String {
        index += 1  // the quote
        let start = index
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
        if next == UInt8(ascii: "\"") {  // nothing escaped, as in base64
            defer { index += 1 }
            return try text(Array(bytes[start..<index]))
        }
        var unescaped = Array(bytes[start..<index])
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(unescaped)
            case UInt8(ascii: "\\"): try escape(into: &unescaped)
            case 0..<0x20: throw error("a control character stands in a string")
            default: unescaped.append(byte)
            }
        }
        throw error("a string does not end")
    }

    private func text(_ utf8: [UInt8]) throws(JSONError) -> String {
        guard let string = String(validating: utf8, as: UTF8.self) else { throw error("a string is not UTF-8") }
        return string
    }

    private mutating func escape(into utf8: inout [UInt8]) throws(JSONError) {
        guard let byte = next else { throw error("a string does not end") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): utf8.append(byte)
        case UInt8(ascii: "b"): utf8.append(0x08)
        case UInt8(ascii: "f"): utf8.append(0x0C)
        case UInt8(ascii: "n"): utf8.append(0x0A)
        case UInt8(ascii: "r"): utf8.append(0x0D)
        case UInt8(ascii: "t"): utf8.append(0x09)
        case UInt8(ascii: "u"):
            let first = try codeUnit()
            var units = [first]
            if UTF16.isLeadSurrogate(first) {
                guard skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else { throw error("half a surrogate pair") }
                units.append(try codeUnit())
            }
            guard let character = String(validating: units, as: UTF16.self) else {
                throw error("half a surrogate pair")
            }
            utf8 += character.utf8
        default: throw error("no such escape")
        }
    }

    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = ASCII.hexValue(byte) else {
                throw error("four hexadecimal digits should be here")
            }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }
}
