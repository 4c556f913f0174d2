/// Reads the header's dictionary, a Python literal, without being Python: strings, booleans and a tuple of integers.
struct NPYHeaderReader {
    private let text: ArraySlice<UInt8>
    private var position: Int

    init(_ text: ArraySlice<UInt8>) {
        self.text = text
        position = text.startIndex
    }

    /// Elements as they are stored.
    struct StoredType {
        var element: NPYArray.ElementType
        var isBigEndian: Bool
    }

    /// Reads `descr`, `fortran_order` and `shape`, in any order.
    /// - Throws: ``ImagingError/invalidNPY(field:expected:found:)``, ``ImagingError/tooLarge(quantity:value:limit:)``.
    mutating func read() throws(ImagingError) -> (StoredType, isFortran: Bool, shape: [Int]) {
        var (elementType, isFortran, shape): (StoredType?, Bool?, [Int]?)
        try take("{", of: "header")
        while !at("}") {
            let key = try string(of: "header")
            try take(":", of: key)
            switch key {
            case "descr" where elementType == nil: elementType = try descr()
            case "fortran_order" where isFortran == nil: isFortran = try boolean()
            case "shape" where shape == nil: shape = try tuple()
            default:
                throw .invalidNPY(
                    field: "header", expected: "descr, fortran_order and shape, each once", found: "\(quoted(key))")
            }
            if !at("}") { try take(",", of: "header") }
        }
        try take("}", of: "header")
        skipSpace()
        guard position == text.endIndex, let elementType, let isFortran, let shape else {
            throw .invalidNPY(
                field: "header", expected: "descr, fortran_order and shape, each once",
                found: position == text.endIndex ? "fewer" : "text after them")
        }
        return (elementType, isFortran, shape)
    }

    /// Type of the elements: an order of bytes (`<`, `>`, `=` for that of the machine, `|` for none, or nothing), a letter and
    /// a number of bytes (NumPy, *Data type objects*, "One-character strings"); `?` is a boolean too.
    private mutating func descr() throws(ImagingError) -> StoredType {
        let expected = "one of \(NPYArray.ElementType.allCases.map(\.name).joined(separator: ", "))"
        if at("[") { throw .invalidNPY(field: "descr", expected: expected, found: "a structured type") }
        let text = try string(of: "descr")
        let order = text.first.flatMap { "<>=|".contains($0) ? $0 : nil }
        var name = order == nil ? text[...] : text.dropFirst()
        if name == "?" { name = "b1" }
        guard let element = NPYArray.ElementType.allCases.first(where: { $0.rawValue.dropFirst() == name }) else {
            let kinds: [Character: String] = [
                "O": "Python objects", "c": "complex numbers", "S": "strings", "a": "strings", "U": "strings",
                "M": "dates",
                "m": "durations", "V": "elements without a type, such as bfloat16",
            ]
            let found = quoted(text) + (name.first.flatMap { kinds[$0] }.map { " (\($0))" } ?? "")
            throw .invalidNPY(field: "descr", expected: expected, found: found)
        }
        return StoredType(element: element, isBigEndian: order == ">")
    }

    private mutating func boolean() throws(ImagingError) -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw .invalidNPY(field: "fortran_order", expected: "True or False", found: next())
    }

    private mutating func tuple() throws(ImagingError) -> [Int] {
        try take("(", of: "shape")
        var shape: [Int] = []
        while !at(")") {
            shape.append(try integer())
            if shape.count > NPYArray.maxDimensions {
                throw .tooLarge(quantity: "dimensions", value: shape.count, limit: NPYArray.maxDimensions)
            }
            if !at(")") { try take(",", of: "shape") }
        }
        try take(")", of: "shape")
        return shape
    }

    private mutating func integer() throws(ImagingError) -> Int {
        skipSpace()
        let digits = text[position...].prefix { (0x30...0x39).contains($0) }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw .invalidNPY(
                field: "shape", expected: "whole numbers below 2⁶³",
                found: digits.isEmpty ? next() : "a number of \(digits.count) digits")
        }
        position = digits.endIndex
        // a long integer of Python 2
        if position < text.endIndex, text[position] == UInt8(ascii: "L") { position += 1 }
        return value
    }

    private mutating func string(of field: String) throws(ImagingError) -> String {
        skipSpace()
        guard position < text.endIndex, text[position] == 0x27 || text[position] == 0x22,
            let end = text[(position + 1)...].firstIndex(of: text[position])
        else { throw .invalidNPY(field: field, expected: "a string in quotes", found: next()) }
        defer { position = end + 1 }
        return String(decoding: text[(position + 1)..<end], as: UTF8.self)
    }

    private mutating func take(_ mark: Unicode.Scalar, of field: String) throws(ImagingError) {
        guard at(mark) else { throw .invalidNPY(field: field, expected: "'\(mark)'", found: next()) }
        position += 1
    }

    private mutating func at(_ mark: Unicode.Scalar) -> Bool {
        skipSpace()
        return position < text.endIndex && text[position] == UInt8(ascii: mark)
    }

    private mutating func skipSpace() {
        while position < text.endIndex, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    }

    /// The next byte, for messages.
    private func next() -> String {
        guard position < text.endIndex else { return "the end of the header" }
        return quoted(String(decoding: text[position...position], as: UTF8.self))
    }

    /// A short piece of the header for messages: what a file says is not repeated at length, and only in ASCII.
    private func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(20).map { (0x20..<0x7f).contains($0.value) ? Character($0) : "?" }
        return "'\(String(shown))\(text.unicodeScalars.count > 20 ? "…" : "")'"
    }
}
