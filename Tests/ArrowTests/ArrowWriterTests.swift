import Archives
import Arrow
import Foundation
import Testing

/// What ``ArrowWriter`` writes, read back by ``ArrowReader``; Tests/conformance/engines.py has pyarrow read it.
@Suite("Arrow streams that are written")
final class ArrowWriterTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "tusk-\(UUID().uuidString).arrow").path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private static let fields = [
        ArrowWriter.Field("id", .int64), .init("path", .text), .init("file", .bytes), .init("log_prob", .float64),
    ]

    private static func columns(_ count: Int) -> [ArrowWriter.Values] {
        let rows = 0..<count
        return [
            .int64(rows.map { $0 % 3 == 1 ? nil : $0 * -7 }),
            .bytes(rows.map { $0 % 4 == 2 ? nil : Array("bild-ü-\($0)".utf8) }),
            .bytes(rows.map { row in row % 5 == 3 ? nil : (0..<row % 7).map { UInt8($0) } }),
            .float64(rows.map { $0 % 2 == 1 ? nil : Double($0) / 3 }),
        ]
    }

    @Test(
        "batches of any number of rows come back with their nulls",
        arguments: [[1], [0], [3, 0, 8], [9, 64, 65, 200]])
    func batches(_ counts: [Int]) throws {
        let writer = ArrowWriter(Self.fields)
        var stream = writer.schema
        for count in counts { stream += writer.batch(count: count, Self.columns(count)) }
        stream += ArrowWriter.end
        try Data(stream).write(to: URL(filePath: path))
        let reader = try ArrowReader(RandomAccessFile(path).reader(), file: nil, limits: ArrowLimits())
        #expect(reader.schema.fields.map(\.name) == Self.fields.map(\.name))
        #expect(reader.schema.fields.map(\.typeName) == ["int64", "string", "binary", "float64"])
        for count in counts {
            let batch = try #require(try reader.next())
            #expect(batch.count == count)
            for (column, values) in zip(batch.columns, Self.columns(count)) {
                for row in 0..<count {
                    switch values {
                    case .int64(let numbers): #expect(try column.value(row) == numbers[row].map { .integer($0) })
                    case .bytes(let bytes):
                        let isText = column.field.name == "path"
                        #expect(try column.value(row) == bytes[row].map { isText ? .text($0) : .bytes($0) })
                    case .float64(let numbers):
                        #expect(column.isNull(row) == (numbers[row] == nil))
                        if let number = numbers[row] {
                            let bits = try column.numbers(row..<row + 1).reversed().reduce(UInt64(0)) {
                                $0 << 8 | UInt64($1)
                            }
                            #expect(Double(bitPattern: bits) == number)
                        }
                    }
                }
            }
        }
        #expect(try reader.next() == nil)
    }

    @Test("every message begins at a multiple of 8 bytes, as readers that map a stream ask")
    func alignment() {
        let writer = ArrowWriter(Self.fields)
        #expect(writer.schema.count % 8 == 0)
        for count in 0..<20 { #expect(writer.batch(count: count, Self.columns(count)).count % 8 == 0) }
    }
}
