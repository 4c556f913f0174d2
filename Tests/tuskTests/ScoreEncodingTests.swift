import Dispatch
import HTTPContent
import TestSupport
import Testing

@testable import tusk

@Suite("Records of tusk score")
struct ScoreEncodingTests {
    /// Fields of each record, read by the grammar of RFC 4180.
    private func read(_ bytes: [UInt8]) -> [[String]] {
        var (records, fields, field): ([[String]], [String], [UInt8]) = ([], [], [])
        var isQuoted = false
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if isQuoted {
                if byte != 0x22 {
                    field.append(byte)
                } else if index < bytes.count, bytes[index] == 0x22 {
                    field.append(byte)
                    index += 1
                } else {
                    isQuoted = false
                }
            } else if byte == 0x22 {
                isQuoted = true
            } else if byte == 0x2c || byte == 0x0d {
                fields.append(String(decoding: field, as: UTF8.self))
                field = []
                if byte == 0x0d {
                    records.append(fields)
                    fields = []
                    index += 1
                }
            } else {
                field.append(byte)
            }
        }
        return records
    }

    @Test("fields of any text come back")
    func quoting() {
        let fields = ["plain", "", "a,b", "say \"x\"", "\"", "two\nlines", "cr\rhere", "crlf\r\n", " blanks ", "ü,ß"]
        #expect(read(CSV.record(fields)) == [fields])
        #expect(read(CSV.record(fields) + CSV.record(fields)) == [fields, fields])
        #expect(CSV.record(["a", "b,c", "d\"e"]) == Array("a,\"b,c\",\"d\"\"e\"\r\n".utf8))
    }

    @Test("objects in objects become columns, nulls and what is not finite nothing")
    func columns() {
        let fields = CSV.fields([
            JSON.Member("a", .number(1.5)), JSON.Member("b", .null), JSON.Member("c", .number(.nan)),
            JSON.Member("d", .object([JSON.Member("x", .object([JSON.Member("y", .integer(2))]))])),
            JSON.Member("e", .array(["one", "two"])), JSON.Member("f", .array([])),
            JSON.Member("g", .integers([1, 2])),
            JSON.Member("h", .bool(true)),
        ])
        #expect(fields.map(\.column) == ["a", "b", "c", "d.x.y", "e", "f", "g", "h"])
        #expect(fields.map(\.text) == ["1.5", "", "", "2", "one; two", "", "[1,2]", "true"])
    }

    @Test("the queue holds so many items and bytes, and ends on both sides")
    func queue() {
        let item = ScoreItem(source: "x", index: nil, content: .pixels([UInt8](repeating: 0, count: 10)))
        let queue = ScoreQueue(mostItems: 3, mostBytes: 25)
        let accepted = Locked(0)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            for _ in 0..<10 where queue.put(item) { accepted.change { $0 += 1 } }
            queue.end()
        }
        var taken = 0
        while true {
            let items = queue.take(5)
            if items.isEmpty { break }
            // two of ten bytes, since a third would be too many
            #expect(items.count <= 2)
            taken += items.count
        }
        group.wait()
        #expect(taken == 10 && accepted.value == 10)
        #expect(queue.take(1).isEmpty)
        let cancelled = ScoreQueue(mostItems: 1)
        #expect(cancelled.put(item))
        cancelled.cancel()
        #expect(!cancelled.put(item) && cancelled.take(1).isEmpty)
    }

    @Test("a distribution by its quantiles is spread over bins without loss")
    func spread() {
        let even = ScorePlots.spread((0...100).map(Double.init), over: 10, from: 0, to: 100)
        #expect(even.allSatisfy { abs($0 - 0.1) < 1e-12 })
        let steps = ScorePlots.spread([0, 0, 0, 4, 8], over: 4, from: 0, to: 8)
        #expect(zip(steps, [0.625, 0.125, 0.125, 0.125]).allSatisfy { abs($0 - $1) < 1e-12 })
    }
}
