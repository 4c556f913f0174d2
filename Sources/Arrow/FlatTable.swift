internal import Archives

/// Table of a FlatBuffer, every reference of which is checked before it is followed.
///
/// Source: *FlatBuffers, Internals*: a table begins with the distance to its list of fields, which begins with its own length and the
/// table's; a field's entry is its distance from the table's begin, 0 where it is absent.
struct FlatTable {
    private let bytes: [UInt8]
    private let place: Int
    /// Place of the list of fields, and its length in bytes.
    private let (fields, fieldsBytes): (Int, Int)

    static let damaged = ArchiveError.damaged(reason: "its description points outside of itself")

    /// The table that all of `bytes` is of.
    /// - Throws: ``ArchiveError/damaged(reason:)``.
    init(root bytes: [UInt8]) throws(ArchiveError) {
        guard bytes.count >= 8 else { throw Self.damaged }
        try self.init(bytes, at: Int(UInt32(truncatingIfNeeded: Self.number(bytes, 0, 4))))
    }

    private init(_ bytes: [UInt8], at place: Int) throws(ArchiveError) {
        guard place >= 0, place <= bytes.count - 4 else { throw Self.damaged }
        let fields = place - Self.number(bytes, place, 4)
        guard fields >= 0, fields <= bytes.count - 4 else { throw Self.damaged }
        let length = Self.number(bytes, fields, 2) & 0xffff
        guard length >= 4, length <= bytes.count - fields else { throw Self.damaged }
        (self.bytes, self.place, self.fields, fieldsBytes) = (bytes, place, fields, length)
    }

    /// The signed number of `width` bytes, 1 to 8, lowest first.
    private static func number(_ bytes: [UInt8], _ place: Int, _ width: Int) -> Int {
        let bits = bytes[place..<place + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let unused = 64 - 8 * width
        return Int(Int64(bitPattern: bits << unused) >> unused)
    }

    /// Place of the field number `id`, of `width` bytes; nil where it is absent.
    private func field(_ id: Int, _ width: Int) throws(ArchiveError) -> Int? {
        let entry = 4 + 2 * id
        guard entry + 2 <= fieldsBytes else { return nil }
        let distance = Self.number(bytes, fields + entry, 2) & 0xffff
        if distance == 0 { return nil }
        guard place + distance <= bytes.count - width else { throw Self.damaged }
        return place + distance
    }

    /// The signed number of `width` bytes of a field; 0 where it is absent.
    func number(_ id: Int, _ width: Int) throws(ArchiveError) -> Int {
        try field(id, width).map { Self.number(bytes, $0, width) } ?? 0
    }

    /// Place that the field `id` refers to; nil where it is absent.
    private func reference(_ id: Int) throws(ArchiveError) -> Int? {
        guard let place = try field(id, 4) else { return nil }
        return place + Int(UInt32(truncatingIfNeeded: Self.number(bytes, place, 4)))
    }

    func table(_ id: Int) throws(ArchiveError) -> FlatTable? {
        guard let place = try reference(id) else { return nil }
        return try FlatTable(bytes, at: place)
    }

    /// Place of the first member of a list, and the number of members, of `width` bytes each; nil where it is absent.
    private func list(_ id: Int, _ width: Int) throws(ArchiveError) -> (place: Int, count: Int)? {
        guard let place = try reference(id) else { return nil }
        guard place <= bytes.count - 4 else { throw Self.damaged }
        let count = Int(UInt32(truncatingIfNeeded: Self.number(bytes, place, 4)))
        guard count <= (bytes.count - place - 4) / width else { throw Self.damaged }
        return (place + 4, count)
    }

    /// Text of a field; bytes that are no UTF-8 are replaced.
    func text(_ id: Int) throws(ArchiveError) -> String? {
        guard let (place, count) = try list(id, 1) else { return nil }
        return String(decoding: bytes[place..<place + count], as: UTF8.self)
    }

    /// Tables of a list.
    func tables(_ id: Int) throws(ArchiveError) -> [FlatTable] {
        guard let (place, count) = try list(id, 4) else { return [] }
        var tables: [FlatTable] = []
        for index in 0..<count {
            let entry = place + 4 * index
            let target = entry + Int(UInt32(truncatingIfNeeded: Self.number(bytes, entry, 4)))
            tables.append(try FlatTable(bytes, at: target))
        }
        return tables
    }

    /// Numbers of 64 bits of a list, or of the `perMember` of each of its members.
    func numbers(_ id: Int, perMember: Int = 1) throws(ArchiveError) -> [Int] {
        guard let (place, count) = try list(id, 8 * perMember) else { return [] }
        return (0..<count * perMember).map { Self.number(bytes, place + 8 * $0, 8) }
    }
}
