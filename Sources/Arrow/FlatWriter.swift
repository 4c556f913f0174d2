/// Value of a field of a FlatBuffer's table.
indirect enum FlatValue {
    /// A number of `width` bytes, 1 to 8.
    case number(Int, width: Int)
    case text(String)
    case table([FlatValue?])
    /// A list of tables.
    case tables([[FlatValue?]])
    /// A list of members that are numbers of 64 bits, `perMember` each.
    case numbers([Int], perMember: Int)
}

/// Writer of a FlatBuffer, from its first byte to its last: a table stands before what it refers to.
///
/// Source: *FlatBuffers, Internals*; what ``FlatTable`` reads.
struct FlatWriter {
    private(set) var bytes: [UInt8] = []

    /// - Parameter root: fields of the table that all of the bytes are of, by their numbers; nil for an absent one.
    init(root: [FlatValue?]) {
        append(0, width: 4)
        let place = table(root)
        set(place, at: 0)
        align(8)
    }

    private mutating func append(_ number: Int, width: Int) {
        for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
    }

    private mutating func align(_ count: Int) {
        while bytes.count % count != 0 { bytes.append(0) }
    }

    /// Sets the 4 bytes at `place`.
    private mutating func set(_ number: Int, at place: Int) {
        for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    }

    /// Writes a table, and behind it what it refers to; returns its place.
    private mutating func table(_ fields: [FlatValue?]) -> Int {
        // wide fields first, so that each begins at a multiple of its width
        let order = fields.indices.filter { fields[$0] != nil }.sorted {
            (-fields[$0]!.width, $0) < (-fields[$1]!.width, $1)
        }
        var distances = Array(repeating: 0, count: fields.count)
        var size = 8
        for index in order where fields[index]!.width == 8 {
            distances[index] = size
            size += 8
        }
        // the distance to the list of fields takes the first 4 bytes, and the next 4 are the first of these
        var next = order.contains { fields[$0]!.width == 8 } ? size : 4
        for index in order where fields[index]!.width < 8 {
            distances[index] = next
            next += fields[index]!.width
        }
        align(2)
        let list = bytes.count
        append(4 + 2 * fields.count, width: 2)
        append(next, width: 2)
        for distance in distances { append(distance, width: 2) }
        align(8)
        let place = bytes.count
        append(place - list, width: 4)
        bytes += Array(repeating: 0, count: next - 4)
        for index in order {
            let field = place + distances[index]
            if case .number(let number, let width) = fields[index]! {
                for byte in 0..<width { bytes[field + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
            } else {
                let target = reference(fields[index]!)
                set(target - field, at: field)
            }
        }
        return place
    }

    /// Writes what a field refers to; returns its place.
    private mutating func reference(_ value: FlatValue) -> Int {
        switch value {
        case .number: preconditionFailure("a number stands in its table")
        case .table(let fields): return table(fields)
        case .text(let text):
            align(4)
            let place = bytes.count
            append(text.utf8.count, width: 4)
            bytes += Array(text.utf8) + [0]
            return place
        case .tables(let tables):
            align(4)
            let place = bytes.count
            append(tables.count, width: 4)
            bytes += Array(repeating: 0, count: 4 * tables.count)
            for (index, fields) in tables.enumerated() {
                let entry = place + 4 + 4 * index
                let target = table(fields)
                set(target - entry, at: entry)
            }
            return place
        case .numbers(let numbers, let perMember):
            // its length stands before the first member, which begins at a multiple of 8
            align(8)
            append(0, width: 4)
            let place = bytes.count
            append(numbers.count / perMember, width: 4)
            for number in numbers { append(number, width: 8) }
            return place
        }
    }
}

extension FlatValue {
    /// Bytes in the table.
    fileprivate var width: Int {
        if case .number(_, let width) = self { width } else { 4 }
    }
}
