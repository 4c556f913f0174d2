import HTTPContent
import Testing

@Suite("Base64 and data URLs")
struct Base64Tests {
    /// The bytes 251, 255, 254: `+//+` in the standard alphabet, `-__-` in that of URLs.
    @Test(
        "is read with line breaks, blanks, either alphabet and without its padding",
        arguments: [
            ("+//+", [251, 255, 254]), ("-__-", [251, 255, 254]), ("+//\r\n+\n", [251, 255, 254]), ("AQ==", [1]),
            ("AQ", [1]),
            ("A Q = =", [1]), ("AQI=", [1, 2]), ("AQI", [1, 2]), ("", []),
        ] as [(String, [UInt8])])
    func read(text: String, bytes: [UInt8]) {
        #expect(base64Decoded(text) == bytes)
    }

    @Test(
        "what mixes alphabets, is cut or has anything else is damaged",
        arguments: ["+__+", "A", "AQIDB", "AQ=", "A===", "=AQI", "AQ==AQ==", "!AQI", "AQI.", "\u{e4}QI"])
    func damaged(text: String) {
        #expect(base64Decoded(text) == nil)
    }

    @Test("a data: URL has a media type and data, in base64 or percent-encoded (RFC 2397)")
    func urls() {
        #expect(DataURL("data:image/png;base64,AQI=")?.data == [1, 2])
        #expect(DataURL("data:image/png;base64,AQI=")?.mediaType == .png)
        #expect(DataURL("DATA:image/jpg;base64,AQI%3D")?.mediaType?.description == "image/jpeg")
        #expect(DataURL("DATA:image/jpg;base64,AQI%3D")?.data == [1, 2])
        #expect(DataURL("data:;base64,AQI")?.mediaType == nil)
        #expect(DataURL("data:,a%00+")?.data == [0x61, 0, 0x2B])
        #expect(DataURL("data:text/plain;charset=utf-8,x")?.mediaType?.description == "text/plain")
        for text in [
            "data:image/png;base64", "data:image/png;base64,!", "data:a b;base64,AQI=", "data:,%4", "date:,x", "",
        ] {
            #expect(DataURL(text) == nil)
        }
    }
}

@Suite("Media types")
struct MediaTypeTests {
    @Test("other names of our media types are theirs, with their parameters")
    func standard() throws {
        for (name, standard) in [
            ("image/jpg", MediaType.jpeg), ("Image/PJPEG", .jpeg), ("image/x-png", .png),
            ("application/jsonl", .ndjson),
            ("text/json; charset=utf8", .json), ("binary/octet-stream", .octets), ("image/png; charset=binary", .png),
        ] {
            let type = try #require(MediaType(parsing: name)).standard
            #expect(type.isSame(as: standard))
            #expect(type.parameters.isEmpty == !name.contains(";"))
        }
        #expect(MediaType("image", "gif").standard == MediaType("image", "gif"))
    }
}
