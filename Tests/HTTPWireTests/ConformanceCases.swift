import HTTPWire

extension ConformanceCase {
    static let all: [ConformanceCase] = [
        requestLines, hosts, fields, connections, lengths, badLengths, codings, badCodings, chunks, badChunkSizes,
        badExtensions, expectations,
    ].flatMap(\.self)

    /// A row for each of `values`, all refused for the same reason.
    private static func each(
        _ section: String, _ values: [String], _ reason: String, in text: (String) -> String
    ) -> [ConformanceCase] {
        values.map { ConformanceCase(section, text($0), reason) }
    }

    private static let noCRLF = "a line that does not end with CRLF"
    private static let badLine = "invalid request line"
    private static let badVersion = "invalid HTTP version in the request line"
    private static let badForm = "the request target must be a path, an http URI or an asterisk"
    private static let badAuthority = "invalid authority in the request target"
    private static let badName = "invalid field name"
    private static let badControl = "a control character in a field value"
    private static let badFold = "a folded field line, or white space before the first field"
    private static let badHost = "invalid Host field"
    private static let badLength = "invalid Content-Length"
    private static let twoLengths = "more than one Content-Length field"
    private static let both = "both Transfer-Encoding and Content-Length"
    private static let badCoding = "invalid Transfer-Encoding"
    private static let notLast = "chunked must be the last transfer coding, once"
    private static let badSize = "invalid chunk size"
    private static let badExtension = "invalid chunk extension"
    private static let badChunkEnd = "a chunk that does not end with CRLF"

    /// A whole request with this first line.
    private static func line(_ line: String) -> String { "\(line)\r\nHost: a\r\n\r\n" }

    private static let requestLines: [ConformanceCase] = [
        // Forms of a target.
        .init("3.2.1", line("GET / HTTP/1.1"), serves: "GET / a"),
        .init("3.2.1", line("GET /a/../%2e?q=%0a&/? HTTP/1.1"), serves: "GET /a/../%2e?q=%0a&/? a"),
        .init("3.2.1", line("GET //b/x HTTP/1.1"), serves: "GET //b/x a"),
        .init("3.2.2", line("GET http://b HTTP/1.1"), serves: "GET / b"),
        .init("3.2.2", line("GET HTTP://b:80/x?y HTTP/1.1"), serves: "GET /x?y b:80"),
        .init("3.2.2", line("GET https://b?y HTTP/1.1"), serves: "GET /?y b"),
        .init("3.2.2", line("GET http://[2001:db8::1]:80/ HTTP/1.1"), serves: "GET / [2001:db8::1]:80"),
        .init("3.2.2", line("GET ftp://a/ HTTP/1.1"), badForm),
        .init("3.2.2", line("GET a/b HTTP/1.1"), badForm),
        .init("3.2.2", line("GET http:/x HTTP/1.1"), badForm),
        .init("3.2.2", line("GET http:///x HTTP/1.1"), badAuthority),
        .init("3.2.2", line("GET http://:80/ HTTP/1.1"), badAuthority),
        .init("3.2.2", line("GET http://u@b/ HTTP/1.1"), badAuthority),
        .init("3.2.2", line("GET http://b:8x/ HTTP/1.1"), badAuthority),
        .init("3.2.2", line("GET http://b\\x/ HTTP/1.1"), badAuthority),
        .init("3.2.3", line("CONNECT a:443 HTTP/1.1"), .unsupportedMethod),
        .init("3.2.3", line("connect a:443 HTTP/1.1"), badForm),
        .init("3.2.3", line("GET a:443 HTTP/1.1"), badForm),
        .init("3.2.4", line("OPTIONS * HTTP/1.1"), serves: "OPTIONS * a"),
        .init("3.2.4", line("OPTIONS http://b HTTP/1.1"), serves: "OPTIONS * b"),
        .init("3.2.4", line("OPTIONS /x HTTP/1.1"), serves: "OPTIONS /x a"),
        .init("3.2.4", line("GET * HTTP/1.1"), "an asterisk target is for OPTIONS only"),
        .init("3.2.4", line("options * HTTP/1.1"), "an asterisk target is for OPTIONS only"),
        .init("3.2.4", line("OPTIONS ** HTTP/1.1"), badForm),
        .init("3.2", line("GET /x#y HTTP/1.1"), "a fragment in the request target"),
        // Methods, and white space.
        .init("3.1", line("BREW-!#$%&'*+.^_`|~9 / HTTP/1.1"), serves: "BREW-!#$%&'*+.^_`|~9 / a"),
        .init("3.1", line("get / HTTP/1.1"), serves: "get / a"),
        .init("3.1", line("G(T / HTTP/1.1"), "invalid method"),
        .init("3.1", line("G\u{0}T / HTTP/1.1"), "invalid method"),
        .init("3.1", line("GÉT / HTTP/1.1"), "invalid method"),
        .init("3", line("GET  / HTTP/1.1"), badLine),
        .init("3", line(" GET / HTTP/1.1"), badLine),
        .init("3", line("GET\t/ HTTP/1.1"), badLine),
        .init("3", line("GET / \tHTTP/1.1"), badVersion),
        .init("3", line("GET / HTTP/1.1 "), badVersion),
        .init("3", line("GET /\u{b}HTTP/1.1"), badLine),
        .init("3", line("GET / x HTTP/1.1"), badVersion),
        .init("3", line("GET /\u{1}x HTTP/1.1"), badLine),
        .init("3", line("GET /\u{7f} HTTP/1.1"), badLine),
        .init("3", line("GET /é HTTP/1.1"), badLine),
        .init("3", line("GET"), badLine),
        .init("2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n", noCRLF),
        .init("2.2", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", badVersion),
        .init("2.2", "GET /\rHTTP/1.1\r\nHost: a\r\n\r\n", badLine),
        .init("2.2", "\r\n\r\n" + line("GET / HTTP/1.1"), serves: "GET / a"),
        .init("2.2", "\n" + line("GET / HTTP/1.1"), noCRLF),
        .init("2.2", "\r\n\r\n\r\n\r\n\r\n", "no request line"),
        .init("2.2", "\u{16}\u{3}\u{1}\u{2}\r\n", badLine),
        // Versions.
        .init("2.3", line("GET /"), badLine),
        .init("2.3", line("GET / http/1.1"), badVersion),
        .init("2.3", line("GET / HTTP/1.10"), badVersion),
        .init("2.3", line("GET / HTTP/11"), badVersion),
        .init("2.3", line("GET / HTTP/1,1"), badVersion),
        .init("2.3", line("GET / HTTP/0.9"), .unsupportedVersion),
        .init("2.3", line("GET / HTTP/1.2"), .unsupportedVersion),
        .init("2.3", line("GET / HTTP/2.0"), .unsupportedVersion),
        .init("RFC 9113, 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
    ]

    private static func host(_ value: String) -> String { "GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n" }

    private static let hosts: [ConformanceCase] = [
        .init("3.2", host("example.org:8080"), serves: "GET / example.org:8080"),
        .init("3.2", host("a:"), serves: "GET / a:"),
        .init("3.2", host("%61"), serves: "GET / %61"),
        .init("3.2", host(""), serves: "GET /"),
        .init("3.2", host("[::1]"), serves: "GET / [::1]"),
        .init("3.2", host("[v1.x:y]:1"), serves: "GET / [v1.x:y]:1"),
        .init("3.2", "GET / HTTP/1.1\r\n\r\n", "no Host field"),
        .init("3.2", "GET http://b/ HTTP/1.1\r\n\r\n", "no Host field"),
        .init("3.2", get("Host: a\r\n"), "more than one Host field"),
        .init("3.2", get("hOST: b\r\n"), "more than one Host field"),
        .init("3.2", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host field"),
        .init("3.2", "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n", badHost),
        .init("3.2", host("a b"), badHost),
        .init("3.2", host("a/b"), badHost),
        .init("3.2", host("u@a"), badHost),
        .init("3.2", host("u:p@a"), badHost),
        .init("3.2", host("a, b"), badHost),
        .init("3.2", host("a:8x"), badHost),
        .init("3.2", host("a:65536"), badHost),
        .init("3.2", host("a:1:2"), badHost),
        .init("3.2", host(":80"), badHost),
        .init("3.2", host("[::1"), badHost),
        .init("3.2", host("[]"), badHost),
        .init("3.2", host("[a]"), badHost),
        .init("3.2", host("[::g]"), badHost),
        .init("3.2", host("[::1%25eth0]"), badHost),
        .init("3.2", host("[::1]80"), badHost),
        .init("3.2", host("::1"), badHost),
        .init("3.2", host("a%"), badHost),
        .init("3.2", host("a%4"), badHost),
        .init("3.2", host("a%zz"), badHost),
        .init("3.2", host("ä"), badHost),
        .init("3.2", host("a\"b"), badHost),
    ]

    private static let fields: [ConformanceCase] = [
        .init("5", get("X:\r\nY: \t v \t\r\nX: é\r\n"), serves: "GET / a"),
        .init("5", get("!#$%&'*+-.^_`|~09: v\r\n"), serves: "GET / a"),
        .init("5.1", get("X : 1\r\n"), badName),
        .init("5.1", get("X\t: 1\r\n"), badName),
        .init("5.1", get("Content-Length : 5\r\n"), badName),
        .init("5.1", get(": 1\r\n"), badName),
        .init("5.1", get("X\r\n"), badName),
        .init("5.1", get("X Y: 1\r\n"), badName),
        .init("5.1", get("X\u{0}: 1\r\n"), badName),
        .init("5.1", get("X\rY: 1\r\n"), badName),
        .init("5.1", get("Ünicode: 1\r\n"), badName),
        .init("5.1", get("\"X\": 1\r\n"), badName),
        .init("5.2", get("X: 1\r\n folded\r\n"), badFold),
        .init("5.2", get("X: 1\r\n\t\r\n"), badFold),
        .init("2.2", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", badFold),
        .init("RFC 9110, 5.5", get("X: a\u{0}b\r\n"), badControl),
        .init("RFC 9110, 5.5", get("X: a\u{1b}\r\n"), badControl),
        .init("RFC 9110, 5.5", get("X: a\u{7f}\r\n"), badControl),
        .init("RFC 9110, 5.5", get("X: a\u{b}\r\n"), badControl),
        .init("2.2", get("X: a\rb\r\n"), badControl),
        .init("2.2", get("X: a\r\r\n"), badControl),
        .init("2.2", get("X: a\rContent-Length: 5\r\n"), badControl),
        .init("2.2", "GET / HTTP/1.1\r\nHost: a\n\r\n", noCRLF),
        .init("2.2", "GET / HTTP/1.1\r\nHost: a\r\n\n", noCRLF),
        .init("2.2", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", badName),
        .init("2.2", get("X: 1\nY: 2\r\n"), noCRLF),
    ]

    private static func old(_ fields: String) -> String { "GET / HTTP/1.0\r\n\(fields)\r\n" }

    private static let connections: [ConformanceCase] = [
        .init("9.3", get("Connection: close\r\n"), serves: "GET / a", stays: false),
        .init("9.3", get("Connection: x, CLOSE ,\r\n"), serves: "GET / a", stays: false),
        .init("9.3", get("Connection: keep-alive\r\nConnection: close\r\n"), serves: "GET / a", stays: false),
        .init("9.3", get("Connection: keep-alive\r\n"), serves: "GET / a"),
        .init("9.3", get("Connection: closed\r\n"), serves: "GET / a"),
        .init("9.3", get("Proxy-Connection: close\r\n"), serves: "GET / a"),
        .init("9.3", old(""), serves: "GET /", stays: false),
        .init("9.3", old("Host: a\r\nConnection: Keep-Alive\r\n"), serves: "GET / a"),
        .init("9.3", old("Connection: keep-alive, close\r\n"), serves: "GET /", stays: false),
        .init("9.3", old("Host: a b\r\n"), badHost),
        .init(
            "RFC 9110, 7.8", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
            serves: "GET / a"),
        .init("RFC 9110, 7.8", get("Connection: Upgrade\r\nUpgrade: websocket\r\n"), serves: "GET / a"),
        .init("9.3.2", get("") + post("Content-Length: 2\r\n", body: "ab"), serves: "GET / a", "POST / a ab"),
        .init("9.3.2", chunked("1\r\nx\r\n0\r\n\r\n") + get(""), serves: "POST / a x", "GET / a"),
    ]

    private static let lengths: [ConformanceCase] = [
        .init("6.2", post("Content-Length: 5\r\n", body: "hello"), serves: "POST / a hello"),
        .init("6.2", post("Content-Length:\t0005 \r\n", body: "hello"), serves: "POST / a hello"),
        .init("6.3", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", serves: "GET / a x"),
        .init("6.3", post(""), serves: "POST / a"),
        .init("6.3", "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", serves: "POST / x", stays: false),
        .init("6.3", post("Content-Length: 1\r\nContent-Length: 1\r\n", body: "x"), twoLengths),
        .init("6.3", post("Content-Length: 1\r\ncontent-length: 2\r\n", body: "x"), twoLengths),
        .init("6.3", post("Content-Length: 0\r\nContent-Length:\r\n"), twoLengths),
    ]

    private static let badLengths = each(
        "6.3",
        [
            "+1", "-1", "0x1", "1 1", "1,1", "1, 1", "", "1.0", "1e0", "\"1\"", "1;", "٣", "9223372036854775808",
            "18446744073709551617", "99999999999999999999999",
        ], badLength
    ) { post("Content-Length: \($0)\r\n", body: "x") }

    private static let codings: [ConformanceCase] = [
        .init("6.1", chunked("5\r\nhello\r\n0\r\n\r\n"), serves: "POST / a hello"),
        .init("6.1", post("transfer-encoding:\t CHUNKED \t\r\n", body: "1\r\nx\r\n0\r\n\r\n"), serves: "POST / a x"),
        // CL.TE and TE.CL, in both orders and however spelt.
        .init(
            "6.3", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\nG"),
            both),
        .init(
            "6.3", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", body: "5c\r\n"),
            both),
        .init(
            "6.3", post("Transfer-Encoding: identity\r\nContent-Length: 1\r\n", body: "x"),
            both),
        .init("6.3", post("Content-Length: 1\r\n Transfer-Encoding: chunked\r\n", body: "x"), badFold),
        .init("6.3", post("Content-Length: 1\r\nTransfer-Encoding : chunked\r\n", body: "x"), badName),
        .init("6.3", post("Content-Length: 1\r\nX: y\nTransfer-Encoding: chunked\r\n", body: "x"), noCRLF),
        .init("6.3", post("Content-Length: 1\r\nX: y\rTransfer-Encoding: chunked\r\n", body: "x"), badControl),
        .init("6.3", post("Content_Length: 1\r\nTransfer_Encoding: chunked\r\n"), serves: "POST / a"),
        .init(
            "6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding in HTTP/1.0"),
        // TE.TE
        .init("6.1", post("Transfer-Encoding: gzip, chunked\r\n"), .unsupportedTransferCoding),
        .init("6.1", post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), .unsupportedTransferCoding),
        .init("6.1", post("Transfer-Encoding: identity, chunked\r\n"), .unsupportedTransferCoding),
        .init(
            "6.1", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n"), notLast),
        .init(
            "6.1", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", body: "0\r\n\r\n"), notLast),
        .init("6.1", post("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", body: "0\r\n\r\n"), badCoding),
        .init("6.1", post("Transfer-Encoding\r\n: chunked\r\n"), badName),
    ]

    private static func coded(_ value: String) -> String {
        post("Transfer-Encoding: \(value)\r\n", body: "0\r\n\r\n")
    }

    private static let badCodings: [ConformanceCase] = [
        each(
            "6.3",
            [
                "chunked, chunked", "chunked, gzip", "chunked, identity", "identity", "xchunked", "chunkedx", "chunk",
                "gzip", "cow",
            ], notLast, in: coded),
        each(
            "6.1",
            [
                "", ",", "chunked,", ", chunked", "chunked, , chunked", "x chunked", "chunked x", "chunked;q=1",
                "chunked;", "\"chunked\"", "'chunked', \"x\"", "[chunked]", "chunked\u{a0}",
            ], badCoding, in: coded),
        each(
            "RFC 9110, 5.5", ["\u{b}chunked", "chunked\u{b}", "chunked\u{c}", "chunked\u{0}", "chunked\r"], badControl,
            in: coded),
    ].flatMap(\.self)

    private static let chunks: [ConformanceCase] = [
        .init("7.1", chunked("00A\r\n0123456789\r\n1\r\n\n\r\n000\r\n\r\n"), serves: "POST / a 0123456789\n"),
        .init("7.1.1", chunked("1;a;b=c ; d = \"e\\\"\t;é\"\r\nx\r\n0;z\r\n\r\n"), serves: "POST / a x"),
        .init("7.1.2", chunked("1\r\nx\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n"), serves: "POST / a x"),
        // A line end of another's choice in the extension: TERM.EXT and EXT.TERM.
        .init("7.1.1", chunked("1\nx\r\n0\r\n\r\n"), noCRLF),
        .init("7.1.1", chunked("1;\nx\r\n0\r\n\r\n"), noCRLF),
        .init("7.1.1", chunked("1;a\nxx\r\n0\r\n\r\n"), noCRLF),
        .init("7.1.1", chunked("1;a=\"\n\"\r\nx\r\n0\r\n\r\n"), noCRLF),
        .init("7.1.1", chunked("0\n\r\n"), noCRLF),
        // Other ends of the data: two bytes that are no CRLF, one, none, too many.
        .init("7.1", chunked("1\r\nxXX0\r\n\r\n"), badChunkEnd),
        .init("7.1", chunked("1\r\nx\n0\r\n\r\n"), badChunkEnd),
        .init("7.1", chunked("1\r\nx\n\n0\r\n\r\n"), badChunkEnd),
        .init("7.1", chunked("1\r\nx\r0\r\n\r\n"), badChunkEnd),
        .init("7.1", chunked("1\r\nx0\r\n\r\n"), badChunkEnd),
        .init("7.1", chunked("1\r\nxy\r\n0\r\n\r\n"), badChunkEnd),
        .init("7.1", chunked("1\r\nx\r\n\r\n0\r\n\r\n"), badSize),
        .init("7.1", chunked("2\r\nx\r\n0\r\n\r\n"), badChunkEnd),
        // Trailers are fields like others.
        .init("7.1.2", chunked("0\r\nX : 1\r\n\r\n"), badName),
        .init("7.1.2", chunked("0\r\n X: 1\r\n\r\n"), badFold),
        .init("7.1.2", chunked("0\r\nX: 1\r\n 2\r\n\r\n"), badFold),
        .init("7.1.2", chunked("0\r\nX: \u{0}\r\n\r\n"), badControl),
        .init("7.1.2", chunked("0\r\nX: 1\n\r\n"), noCRLF),
        .init("7.1.2", chunked("0\r\n\n"), noCRLF),
        .init("7.1.2", chunked("0\r\n\r\r\n"), badName),
        .init("7.1.2", chunked("0\r\nGET /smuggled HTTP/1.1\r\n\r\n"), badName),
    ]

    private static let badChunkSizes = each(
        "7.1",
        [
            "", "g", "0x1", "-1", "+1", " 1", "1 ", "\t1", "1\t", "1 ;x", "1,", "1_0", "1.0", "１", "FFFFFFFFFFFFFFFF",
            "8000000000000000", "00000000000000001", "10000000000000001", "1\u{0}", "1\r",
        ], badSize
    ) { chunked("\($0)\r\nx\r\n0\r\n\r\n") }

    private static let badExtensions = each(
        "7.1.1",
        [
            "\rx", "a\rb", "a\r", "", "a;", ";a", " ", "a b", "a=", "=b", "a==b", "a=b c", "a=\"b", "a=\"b\"c",
            "a=\"\\", "a\u{0}", "a=\"\u{0}\"", "a=\"\\\r\"", "é", "a,b", "a:b",
        ], badExtension
    ) { chunked("1;\($0)\r\nx\r\n0\r\n\r\n") }

    private static let expectations: [ConformanceCase] = [
        .init(
            "RFC 9110, 10.1.1", post("Expect: 100-Continue\r\nContent-Length: 2\r\n", body: "ab"), serves: "POST / a ab"
        ),
        .init("RFC 9110, 10.1.1", get("Expect: 100-continue\r\n"), serves: "GET / a"),
        .init(
            "RFC 9110, 10.1.1", "POST / HTTP/1.0\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx", serves: "POST / x",
            stays: false),
        .init("RFC 9110, 10.1.1", post("Expect: tea\r\nContent-Length: 2\r\n", body: "ab"), .expectationFailed),
        // 0.CL: an Expect that only one of two servers takes for one.
        .init(
            "RFC 9110, 10.1.1", post("Expect: y 100-continue\r\nContent-Length: 2\r\n", body: "ab"), .expectationFailed),
        .init(
            "RFC 9110, 10.1.1", post("Expect: 100-continue, y\r\nContent-Length: 2\r\n", body: "ab"), .expectationFailed
        ),
    ]
}
