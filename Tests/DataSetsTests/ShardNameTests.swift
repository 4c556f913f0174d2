import System
import Testing

@testable import DataSets

@Suite("Names of shards")
struct ShardNameTests {
    /// What braceexpand 0.1.7 makes of each.
    @Test(
        "braces stand for what the webdataset library takes them for",
        arguments: [
            (
                "train-{000000..000003}.tar",
                ["train-000000.tar", "train-000001.tar", "train-000002.tar", "train-000003.tar"]
            ),
            ("{a,b}-{0..2}.tar", ["a-0.tar", "a-1.tar", "a-2.tar", "b-0.tar", "b-1.tar", "b-2.tar"]),
            ("{a,{b,c}}x", ["ax", "bx", "cx"]), ("{3..1}", ["3", "2", "1"]), ("{1..9..3}", ["1", "4", "7"]),
            ("{01..3}", ["01", "02", "03"]), ("{a..e}", ["a", "b", "c", "d", "e"]), ("{a..e..2}", ["a", "c", "e"]),
            ("{a}", ["{a}"]), ("{}", ["{}"]), ("a{b}c{1,2}", ["a{b}c1", "a{b}c2"]), ("{-1..1}", ["-1", "0", "1"]),
            ("{1,2}{3,4}", ["13", "14", "23", "24"]), ("plain.tar", ["plain.tar"]), ("{a..3}", ["{a..3}"]),
            ("{,x}.tar", [".tar", "x.tar"]), ("{1..3..-1}", ["1", "2", "3"]), ("{08..11}", ["08", "09", "10", "11"]),
            ("{é,ü}-{1..2}", ["é-1", "é-2", "ü-1", "ü-2"]),
        ])
    func braces(text: String, names: [String]) throws {
        #expect(try ShardNames.expanded(text) == names)
    }

    @Test(
        "several names stand with colons between them; braces that do not close are themselves, as a file's name may have them"
    )
    func lists() throws {
        #expect(try ShardNames.expanded("a-{0..1}.tar::b.tar") == ["a-0.tar", "a-1.tar", "b.tar"])
        #expect(try ShardNames.expanded("x{::}y") == ["x{", "}y"])
    }

    @Test("there is a limit", arguments: ["{1..8}", "{1,2}{1,2}{1,2}", "{a,b,c,d}{1,2}", "{1..4}::{1..4}"])
    func limit(_ text: String) throws {
        #expect(try ShardNames.expanded(text, limit: 8).count == 8)
        #expect(throws: ShardNames.TooMany(limit: 7)) { try ShardNames.expanded(text, limit: 7) }
    }

    @Test("as many as there are numbers are no more work than the limit")
    func huge() {
        #expect(throws: ShardNames.TooMany(limit: 1000)) {
            try ShardNames.expanded("{0..9223372036854775807}", limit: 1000)
        }
    }

    @Test("names of samples are taken apart as the library does")
    func samples() {
        func parts(_ name: String) -> [String]? {
            SampleName(FileName(name)).map { ["\($0.key)", $0.part] }
        }
        #expect(parts("a.b/c.seg.PNG") == ["a.b/c", "seg.png"])
        #expect(parts("000.cls") == ["000", "cls"])
        for name in [
            "noextension", "dir.x/noextension", ".hidden.png", "dir/.png", "__meta__/a.json", "__version__.txt",
        ]
        where name != "__version__.txt" {
            #expect(parts(name) == nil, "\(name)")
        }
    }
}
