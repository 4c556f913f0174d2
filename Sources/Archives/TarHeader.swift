internal import System

/// Header block of an entry of a tape archive.
struct TarHeader {
    let name: [UInt8]
    /// Bytes behind the header; nil where the field holds no number.
    let size: Int?
    /// Letter or digit of the entry's kind.
    let type: UInt8
    /// Of a sparse file of GNU's old form: whether blocks with more of its map follow.
    let hasMoreSparseMaps: Bool

    /// Nil unless the checksum is right.
    init?(_ block: [UInt8]) {
        func text(_ range: Range<Int>) -> ArraySlice<UInt8> { block[range].prefix { $0 != 0 } }
        // some old writers added the bytes as signed numbers
        var (sum, signedSum) = (0, 0)
        for (place, byte) in block.enumerated() {
            let byte = (148..<156).contains(place) ? ASCII.space : byte
            sum += Int(byte)
            signedSum += Int(Int8(bitPattern: byte))
        }
        guard let stated = Self.number(block[148..<156]), stated == sum || stated == signedSum else { return nil }
        size = Self.number(block[124..<136])
        type = block[156]
        hasMoreSparseMaps = block[482] != 0
        // GNU tar, which writes "ustar  ", has other fields in the place of the prefix
        let prefix = block[257..<263].elementsEqual("ustar\0".utf8) ? text(345..<500) : []
        name = (prefix.isEmpty ? [] : prefix + [UInt8(ascii: "/")]) + text(0..<100)
    }

    /// Whether the entry is a file, of which type 7 was meant to lie in one piece.
    var isFile: Bool { [0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S")].contains(type) }

    /// Kind of an entry that has no bytes; nil for others, and for folders.
    var kindWithoutBytes: String? {
        switch type {
        case UInt8(ascii: "1"): "hard link"
        case UInt8(ascii: "2"): "symbolic link"
        case UInt8(ascii: "3"), UInt8(ascii: "4"): "device"
        case UInt8(ascii: "6"): "pipe"
        default: nil
        }
    }

    /// Kind of an entry that is neither a file nor, with GNU's list of a folder and name of a volume, something to pass over.
    var otherKind: String? {
        switch type {
        case UInt8(ascii: "D"), UInt8(ascii: "V"), 0: nil
        case UInt8(ascii: "M"): "piece of a file of another volume"
        case 0x21..<0x7f: "entry of type \(Character(Unicode.Scalar(type)))"
        default: "entry of type \(type)"
        }
    }

    /// A number in octal digits, or, as GNU tar writes large ones, in bytes behind one of 0x80; nil where there is none below 2⁶².
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if field.first == 0x80 {
            guard field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else { return nil }
            let value = field.suffix(min(8, field.count - 1)).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return value < 1 << 62 ? Int(value) : nil
        }
        let digits = field.drop { $0 == ASCII.space }.prefix { $0 != 0 && $0 != ASCII.space }
        guard digits.allSatisfy({ (0x30..<0x38).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }
}

/// What headers say of the entry behind them.
struct TarExtension {
    var name: [UInt8]?
    var size: Int?
    var isSparse = false

    var isEmpty: Bool { name == nil && size == nil && !isSparse }

    /// Adds what a pax header says.
    /// - Throws: ``ArchiveError/damaged(reason:)``.
    mutating func add(pax bytes: [UInt8]) throws(ArchiveError) {
        for (key, value) in try Self.records(bytes) {
            switch key {
            case "path": name = value.isEmpty ? nil : value
            case "size":
                guard let number = Int(String(decoding: value, as: UTF8.self)), (0..<1 << 62).contains(number) else {
                    throw .damaged(reason: "a size is no number")
                }
                size = number
            default: if key.hasPrefix("GNU.sparse") { isSparse = true }
            }
        }
    }

    /// Records `LENGTH KEY=VALUE\n`, of which LENGTH counts all bytes.
    private static func records(_ bytes: [UInt8]) throws(ArchiveError) -> [(key: String, value: [UInt8])] {
        var records: [(key: String, value: [UInt8])] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != ASCII.space }
            guard let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 1,
                length <= rest.count
            else { throw .damaged(reason: "a pax header is not made of records") }
            let record = rest.prefix(length).dropFirst(digits.count + 1).dropLast()
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw .damaged(reason: "a pax header is not made of records")
            }
            let key = String(decoding: record[..<equals], as: UTF8.self)
            records.append((key, Array(record[(equals + 1)...])))
            rest = rest.dropFirst(length)
        }
        return records
    }
}
