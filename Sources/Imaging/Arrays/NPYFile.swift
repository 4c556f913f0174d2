extension NPYArray {
    /// Most bytes of a header's dictionary that is read; NumPy's own limit (`max_header_size`).
    public static let maxHeaderBytes = 10_000
    /// Most axes of an array that is read; NumPy's own limit.
    public static let maxDimensions = 64

    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Whether `bytes` begin as an NPY file does.
    public static func isNPY(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

    /// Reads a whole file.
    /// - Throws: ``ImagingError/invalidNPY(field:expected:found:)``; for the header and the number of axes also
    ///   ``ImagingError/tooLarge(quantity:value:limit:)``.
    public static func decode(_ file: [UInt8]) throws(ImagingError) -> NPYArray {
        let header = try readHeader(file[...])
        let found = file.count - header.bytes
        guard found == header.dataBytes else {
            throw .invalidNPY(
                field: "data", expected: "\(header.dataBytes) bytes for shape \(header.shape)", found: "\(found) bytes")
        }
        return NPYArray(
            shape: header.shape, elementType: header.elementType, bytes: Array(file[header.bytes...]))
    }

    /// What stands before the data of a file.
    package struct Header: Sendable, Equatable {
        /// Type of every element.
        package let elementType: ElementType
        /// Length of each axis.
        package let shape: [Int]
        /// Bytes of the header.
        package let bytes: Int
        /// Bytes of the data behind it.
        package let dataBytes: Int
    }

    /// Most bytes of a file that its header is read from.
    package static let longestHeader = maxHeaderBytes + 12

    /// Reads the header of a file for those who take its data as it comes.
    /// - Parameter start: the file's first ``longestHeader`` bytes, or all of a shorter one.
    /// - Throws: as ``decode(_:)``.
    package static func readHeader(_ start: ArraySlice<UInt8>) throws(ImagingError) -> Header {
        let file = start
        let first = file.startIndex
        guard file.starts(with: magic) else {
            throw .invalidNPY(field: "magic", expected: "\\x93NUMPY", found: "other bytes")
        }
        guard file.count >= 12 else {
            throw .invalidNPY(field: "header", expected: "at least 12 bytes", found: "\(file.count) bytes")
        }
        let version = file[first + 6]
        guard (1...3).contains(version), file[first + 7] == 0 else {
            throw .invalidNPY(
                field: "version", expected: "1.0, 2.0 or 3.0", found: "\(version).\(file[first + 7])")
        }
        let lengthBytes = version == 1 ? 2 : 4
        let length = file[first + 8..<first + 8 + lengthBytes].reversed().reduce(0) { $0 << 8 | Int($1) }
        if length > maxHeaderBytes {
            throw .tooLarge(quantity: "header bytes", value: length, limit: maxHeaderBytes)
        }
        let bytes = 8 + lengthBytes
        guard length <= file.count - bytes else {
            throw .invalidNPY(field: "header", expected: "\(length) bytes", found: "\(file.count - bytes) bytes")
        }
        var header = HeaderReader(file[first + bytes..<first + bytes + length])
        let (elementType, shape) = try header.read()

        var size = elementType.size
        for axis in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: axis)
            guard !overflow else {
                throw .invalidNPY(field: "shape", expected: "fewer than 2⁶³ bytes", found: "\(shape)")
            }
            size = product
        }
        return Header(elementType: elementType, shape: shape, bytes: bytes + length, dataBytes: size)
    }

    /// Bytes of the array's file, version 1.0.
    public func encoded() -> [UInt8] { Self.header(shape: shape, elementType: elementType) + bytes }

    /// Bytes of a version 1.0 file in front of its data, for those who write the data as it comes; a multiple of 64 bytes.
    public static func header(shape: [Int], elementType: ElementType) -> [UInt8] {
        precondition(shape.count <= maxDimensions && shape.allSatisfy { $0 >= 0 })
        let tuple = shape.map { "\($0), " }.joined()
        var text = Array("{'descr': '\(elementType.rawValue)', 'fortran_order': False, 'shape': (\(tuple)), }".utf8)
        let unpadded = magic.count + 4 + text.count + 1
        text += [UInt8](repeating: 0x20, count: (64 - unpadded % 64) % 64) + [0x0a]
        return magic + [1, 0, UInt8(text.count & 0xff), UInt8(text.count >> 8)] + text
    }
}

/// Reads the header's dictionary, a Python literal, without being Python: strings, booleans and a tuple of integers.
private struct HeaderReader {
    private let text: ArraySlice<UInt8>
    private var position: Int

    init(_ text: ArraySlice<UInt8>) {
        self.text = text
        position = text.startIndex
    }

    mutating func read() throws(ImagingError) -> (NPYArray.ElementType, [Int]) {
        var (elementType, isFortran, shape): (NPYArray.ElementType?, Bool?, [Int]?)
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
        if isFortran && shape.count > 1 {
            throw .invalidNPY(
                field: "fortran_order", expected: "False (use numpy.ascontiguousarray)", found: "True")
        }
        return (elementType, shape)
    }

    private mutating func descr() throws(ImagingError) -> NPYArray.ElementType {
        let known = NPYArray.ElementType.allCases.map(\.rawValue).joined(separator: ", ")
        if at("[") { throw .invalidNPY(field: "descr", expected: known, found: "a structured type") }
        let name = try string(of: "descr")
        if let type = NPYArray.ElementType(rawValue: name) { return type }
        // One byte has no byte order; old files write "<u1" and "<b1" too.
        if ["<u1", "=u1", "u1"].contains(name) { return .uint8 }
        if ["<b1", "=b1", "?"].contains(name) { return .bool }
        throw .invalidNPY(field: "descr", expected: known, found: quoted(name))
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
