import Archives
import System
import Testing

@testable import DataSets

@Suite("Tables of pictures")
struct TableTests {
    private func records(_ text: String, _ limits: DelimitedText.Limits = DelimitedText.Limits()) throws -> [[String]] {
        var reader = try DelimitedText(ByteReader(Array(text.utf8)), limits: limits)
        var records: [[String]] = []
        while let record = try reader.record() { records.append(record.map { String(decoding: $0, as: UTF8.self) }) }
        return records
    }

    @Test(
        "commas, semicolons and tabs are told apart by the first line; a byte order mark is passed over, and ends of lines are any"
    )
    func separators() throws {
        let expected = [["path", "label"], ["a.png", "x"], ["b.png", "y,z"]]
        for separator in [",", ";", "\t"] {
            for end in ["\n", "\r\n", "\r"] {
                let lines = ["path\(separator)label", "a.png \(separator) x", "b.png\(separator)\"y,z\""]
                #expect(try records("\u{feff}" + lines.joined(separator: end)) == expected)
                #expect(try records(lines.joined(separator: end) + end + end) == expected)
            }
        }
    }

    @Test("quotes hold separators, lines and doubled quotes")
    func quotes() throws {
        #expect(
            try records("a,\"b \"\"c\"\"\nd\",e\n,,\n\"\",x\"y\n") == [
                ["a", "b \"c\"\nd", "e"], ["", "", ""], ["", "x\"y"],
            ])
        #expect(throws: ArchiveError.damaged(reason: "a quote of line 2 has no end")) { try records("a,b\n\"c") }
    }

    @Test("fields, bytes and lines have a limit")
    func limits() throws {
        let text = "abc,def\nx,y\n"
        #expect(try records(text, DelimitedText.Limits(fieldBytes: 3, fields: 2, records: 2)).count == 2)
        for (limits, quantity, limit) in [
            (DelimitedText.Limits(fieldBytes: 2), "bytes in a field", 2),
            (DelimitedText.Limits(fields: 1), "fields in a line", 1), (DelimitedText.Limits(records: 1), "lines", 1),
        ] {
            #expect(throws: ArchiveError.tooLarge(quantity: quantity, limit: limit)) { try records(text, limits) }
        }
        #expect(throws: ArchiveError.tooLarge(quantity: "bytes in a field", limit: 2)) {
            try records("\"abc\"", DelimitedText.Limits(fieldBytes: 2))
        }
    }

    private func rows(_ text: String) throws -> (rows: [[String?]], unused: [String])? {
        let bytes = ByteReader(Array(text.utf8))
        guard var table = try PictureTable(bytes, limits: DelimitedText.Limits(), isPicture: { $0.hasEnding(".png") })
        else { return nil }
        var rows: [[String?]] = []
        while let row = try table.next() {
            func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
            rows.append([row.path?.description, text(row.label), text(row.split)])
        }
        return (rows, table.unused)
    }

    @Test("columns are found by the names that people give them, or by their order")
    func columns() throws {
        let named = try #require(try rows("id,Filename,Class,split,width\n1,a.png,cat,train,3\n2,b.png,,test,4\n"))
        #expect(
            named.rows == [["a.png", "cat", "train"], ["b.png", nil, "test"]] && named.unused == ["id", "width"])
        #expect(try #require(try rows("a.png,0\nb.png,1\n")).rows == [["a.png", "0", nil], ["b.png", "1", nil]])
        #expect(try #require(try rows("a.png\nb.png")).rows == [["a.png", nil, nil], ["b.png", nil, nil]])
        let medMNIST = try #require(try rows("TRAIN,train0_6.png,6\nVAL,val0_1.png,1\n"))
        #expect(medMNIST.rows == [["train0_6.png", "6", "TRAIN"], ["val0_1.png", "1", "VAL"]])
        #expect(try rows("x,a.png,6\n") == nil)
        #expect(try rows("x,y\n1,2\n") == nil)
        #expect(try rows("") == nil)
        #expect(try #require(try rows("label,path\nx,a.png\ny,\n")).rows == [["a.png", "x", nil], [nil, "y", nil]])
    }
}
