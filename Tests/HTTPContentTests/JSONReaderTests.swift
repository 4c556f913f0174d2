import HTTPContent
import Testing

@Suite("JSON")
struct JSONReaderTests {
    @Test("numbers stand without a value for each, until something else does")
    func numbers() throws {
        for (text, value) in [
            ("[1,2.5]", JSON.numbers([1, 2.5])), ("[255.0,25e1,3]", .numbers([255, 250, 3])),
            ("[0.5,null]", .array([.number(0.5), .null])),
            ("[1,0.5,[]]", .array([.number(1), .number(0.5), .array([])])),
        ] {
            #expect(try JSONReader.read(Array(text.utf8)) == value)
        }
        #expect(String(decoding: JSON.numbers([1, 0.5, .nan]).encoded, as: UTF8.self) == "[1.0,0.5,null]")
    }

    @Test("NaN and the infinities are numbers only for who asks for them")
    func notFinite() throws {
        let text = Array("[1,NaN,Infinity,-Infinity,-2.5]".utf8)
        #expect(throws: JSONError.self) { try JSONReader.read(text) }
        guard case .numbers(let numbers) = try JSONReader.read(text, readsNotFinite: true) else {
            Issue.record("no numbers")
            return
        }
        #expect(numbers[0] == 1 && numbers[1].isNaN && numbers[2...] == [.infinity, -.infinity, -2.5])
        for bad in ["[Nan]", "[-NaN]", "[+Infinity]", "[Inf]", "[--Infinity]", "[NaN1]"] {
            #expect(throws: JSONError.self) { try JSONReader.read(Array(bad.utf8), readsNotFinite: true) }
        }
    }

    @Test("a byte order mark in front is passed over, and UTF-16 is named")
    func byteOrderMark() throws {
        #expect(try JSONReader.read([0xEF, 0xBB, 0xBF] + Array("[1]".utf8)) == .integers([1]))
        #expect(throws: JSONError.self) { try JSONReader.read(Array("[1]".utf8) + [0xEF, 0xBB, 0xBF]) }
        for bytes: [UInt8] in [
            [0xFF, 0xFE, 0x5B, 0], [0xFE, 0xFF, 0, 0x5B], [0x5B, 0, 0x5D, 0], [0, 0x5B, 0, 0x5D],
        ] {
            do throws(JSONError) {
                _ = try JSONReader.read(bytes)
                Issue.record("UTF-16 was read")
            } catch {
                #expect(error.reason.contains("UTF-16") && error.offset == 0)
            }
        }
    }

    @Test("UTF-32 is named, in either order of bytes, with a mark and without")
    func utf32() {
        for bytes: [UInt8] in [
            [0xFF, 0xFE, 0, 0, 0x5B, 0, 0, 0], [0, 0, 0xFE, 0xFF, 0, 0, 0, 0x5B], [0x5B, 0, 0, 0, 0x5D, 0, 0, 0],
            [0, 0, 0, 0x5B, 0, 0, 0, 0x5D],
        ] {
            let error = #expect(throws: JSONError.self) { try JSONReader.read(bytes) }
            #expect(error?.reason.contains("UTF-32") == true && error?.offset == 0)
        }
    }

    @Test("numbers may have any number of digits")
    func digits() throws {
        let zeros = String(repeating: "0", count: 400)
        #expect(try JSONReader.read(Array("[5.\(zeros), 1\(zeros)e-400]".utf8)) == .numbers([5, 1]))
        #expect(try JSONReader.read(Array("-0.\(zeros)1".utf8)) == .number(0))
        let error = #expect(throws: JSONError.self) { try JSONReader.read(Array("1\(zeros)".utf8)) }
        #expect(error?.reason == "a number is too large")
    }

    @Test("lines of JSON are told how they are sent")
    func lines() {
        for (text, isTold) in [("[1]\n[2]", true), ("{}\r\n{}\r\n", true), ("[1] [2]", false), ("[1]]\n", false)] {
            let error = #expect(throws: JSONError.self) { try JSONReader.read(Array(text.utf8)) }
            #expect(error?.reason.hasPrefix("there is more after the value") == true)
            #expect(error?.reason.contains("application/x-ndjson") == isTold)
        }
    }

    @Test(
        "values are read",
        arguments: [
            ("null", JSON.null), (" true ", .bool(true)), ("false", .bool(false)), ("0", .integer(0)),
            ("-12", .integer(-12)), ("1.5e2", .number(150)), ("12345678901234567168", .number(12345678901234567168)),
            ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00é\"", .string("a\"\\/\u{8}\u{c}\n\r\té😀é")),
            ("[1, -2 ,3]", .integers([1, -2, 3])), ("[]", .array([])), ("{}", .object([])),
            ("[1,\"a\",2]", .array([.integer(1), .string("a"), .integer(2)])),
            ("[[1],[2.0]]", .array([.integers([1]), .numbers([2])])),
            ("{\"a\": {\"b\": null}}", .object([.init("a", .object([.init("b", .null)]))])),
        ])
    func values(_ text: String, _ value: JSON) throws {
        #expect(try JSONReader.read(Array(text.utf8)) == value)
    }

    @Test(
        "what is not JSON is refused, and says where",
        arguments: [
            ("", 0), (" ", 1), ("nul", 3), ("01", 2), ("-", 1), ("1.", 2), (".5", 0), ("1e", 2), ("+1", 0), ("NaN", 0),
            ("[1,]", 3), ("[1 2]", 3), ("[", 1), ("{\"a\"}", 4), ("{\"a\":1,}", 7), ("{a:1}", 1),
            ("{\"a\":1,\"a\":2}", 10),
            ("\"", 1), ("\"\u{1}\"", 2), ("\"\\x\"", 3), ("\"\\u12g4\"", 5), ("\"\\ud83d\"", 7), ("\"\\ud83dx\"", 7),
            ("\"\\ude00\"", 7), ("1 1", 2), ("'a'", 0), ("1e999", 5),
        ])
    func refused(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONReader.read(Array(text.utf8)) }
        #expect(error?.offset == offset, "\(error?.reason ?? "")")
    }

    @Test("bytes that are not UTF-8 are refused")
    func utf8() {
        #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0xff, 0x22]) }
        #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0x5c, 0x6e, 0xff, 0x22]) }
    }

    @Test("every beginning of a text is refused")
    func cutOff() throws {
        let text = Array(#"{"images": [[[1, 2.5e3], "a\u00e9\n"], true, null]}"#.utf8)
        _ = try JSONReader.read(text)
        for count in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONReader.read(Array(text.prefix(count))) }
        }
    }

    @Test("depth and containers may reach their limits, and not pass them")
    func limits() throws {
        let limits = JSONReader.Limits(depth: 3, containers: 4)
        _ = try JSONReader.read(Array("[[[1]]]".utf8), limits: limits)
        #expect(throws: JSONError(reason: "it is nested more than 3 deep", offset: 3)) {
            try JSONReader.read(Array("[[[[1]]]]".utf8), limits: limits)
        }
        _ = try JSONReader.read(Array("[[],[],[]]".utf8), limits: limits)
        #expect(throws: JSONError(reason: "it has more than 4 arrays and objects", offset: 10)) {
            try JSONReader.read(Array("[[],[],[],[]]".utf8), limits: limits)
        }
        // A hostile text is refused before the stack is used up.
        #expect(throws: JSONError.self) { try JSONReader.read(Array(repeating: UInt8(ascii: "["), count: 1_000_000)) }
    }

    @Test("an object may have 32 members")
    func members() throws {
        func object(_ count: Int) -> [UInt8] {
            Array("{\((0..<count).map { "\"\($0)\":0" }.joined(separator: ","))}".utf8)
        }
        _ = try JSONReader.read(object(32))
        #expect(throws: JSONError.self) { try JSONReader.read(object(33)) }
    }

    @Test("what is written is read again as the same")
    func roundTrip() throws {
        let value: JSON = [
            "b": .number(-0.1), "a": .integers([1, 2]), "text": "quote \" backslash \\ line \n é 😀 \u{1}",
            "list": .array([.null, .bool(true), .number(1e-300), .string("")]),
            "max": .integer(999_999_999_999_999_999),
        ]
        #expect(try JSONReader.read(value.encoded) == value)
        #expect(String(decoding: JSON.number(.nan).encoded, as: UTF8.self) == "null")
        #expect(String(decoding: JSON.unsigned(.max).encoded, as: UTF8.self) == "18446744073709551615")
    }
}
