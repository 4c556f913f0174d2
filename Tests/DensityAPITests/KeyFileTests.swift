@testable import DensityAPI
import Testing

@Suite("Key file", .timeLimit(.minutes(15)))
struct KeyFileTests {
    private static let hash = String(repeating: "0123456789abcdef", count: 4)
    private static let otherHash = String(repeating: "fedcba9876543210", count: 4)

    private func error(_ text: String) -> KeyFileError? {
        do throws(KeyFileError) { _ = try KeyFile(text) } catch { return error }
        return nil
    }

    @Test("has a key a line, among comments, blank lines and any white space")
    func lines() throws {
        let file = try KeyFile(
            "# keys\r\n\r\n  gate\tscore,sample   sha256:\(Self.hash)\r\n\n#x\nops admin sha256:\(Self.otherHash) 2027-01-31"
        )
        #expect(
            file.keys == [
                APIKey(name: "gate", scopes: [.score, .sample]),
                APIKey(name: "ops", scopes: [.admin], expiryDay: 20_849),
            ])
        #expect(file.hashes.map(\.hex) == [Self.hash, Self.otherHash])
    }

    @Test(
        "says what is wrong with which line",
        arguments: [
            ("gate", 1, "it has 1 words"),
            ("\ngate score", 2, "it has 2 words"),
            ("gate score sha256:HASH 2027-01-31 more", 1, "it has 5 words"),
            ("g/te score sha256:HASH", 1, "the name must be 1 to 64"),
            ("\(String(repeating: "g", count: 65)) score sha256:HASH", 1, "the name must be 1 to 64"),
            ("gate scor sha256:HASH", 1, "the scopes must be of score, sample, admin, metrics"),
            ("gate score, sha256:HASH", 1, "the scopes must be of"),
            ("gate score HASH", 1, "the hash must be sha256:"),
            ("gate score sha256:HASH0", 1, "the hash must be sha256:"),
            ("gate score sha256:0123", 1, "the hash must be sha256:"),
            ("gate score sha256:\(String(repeating: "A", count: 64))", 1, "the hash must be sha256:"),
            ("gate score sha256:HASH 2027-02-29", 1, "the expiry must be a day"),
            ("gate score sha256:HASH 2027-1-1", 1, "the expiry must be a day"),
            ("gate score sha256:HASH tomorrow", 1, "the expiry must be a day"),
            ("gate score sha256:HASH 2027-01-31 2027-01-31 rows=1/s", 1, "it has 6 words"),
            ("gate score rows=1/s", 1, "the hash must be sha256:"),
            ("gate score sha256:HASH images=1/s", 1, "a limit must be of requests, rows, bytes"),
            ("gate score sha256:HASH =1/s", 1, "a limit must be of"),
            (
                "gate score sha256:HASH\nhall score sha256:OTHER rows=1", 2,
                "the limit of rows must be none, or a rate such as"
            ),
            ("gate score sha256:HASH rows=1/s,burst=0", 1, "the limit of rows must be"),
            ("gate score sha256:HASH rows=", 1, "the limit of rows must be"),
            ("gate score sha256:HASH rows=1/s rows=2/s", 1, "it has two limits of rows"),
            ("gate score sha256:HASH\n#\ngate score sha256:OTHER", 3, "it has the name of line 1"),
            ("gate score sha256:HASH\nhall score sha256:HASH", 2, "it has the key of line 1"),
        ])
    func errors(_ template: String, _ line: Int, _ reason: String) throws {
        let text = template.replacing("HASH", with: Self.hash).replacing("OTHER", with: Self.otherHash)
        let error = try #require(self.error(text))
        #expect(error.line == line)
        #expect(error.reason.hasPrefix(reason), "\(error)")
        #expect(!error.description.contains(Self.hash.prefix(8)) && !error.description.contains("gate"))
    }

    @Test("has limits of a key behind its hash, in any order, beside the expiry")
    func rates() throws {
        let file = try KeyFile(
            "gate score sha256:\(Self.hash) rows=1k/s,burst=5k 2027-01-31 requests=10/s\n"
                + "ops admin sha256:\(Self.otherHash) bytes=none")
        #expect(file.keys[0].expiryDay == 20_849 && file.keys[1].expiryDay == nil)
        #expect(
            file.keys[0].limits == [
                .rows: .rate(Rate(1000, per: .second, burst: 5000)), .requests: .rate(Rate(10, per: .second)),
            ])
        #expect(file.keys[1].limits == [.bytes: .unlimited])
        let line = KeyFile.line(
            name: "gate", scopes: [.score], token: KeyToken.random(), expiry: "2027-01-31", limits: file.keys[0].limits)
        #expect(line.hasSuffix(" 2027-01-31 requests=10/s rows=1000/s,burst=5000"))
        #expect(try KeyFile(line).keys == [file.keys[0]])
    }

    @Test("that holds a key itself is refused, without saying it again")
    func token() throws {
        let token = KeyToken.random()
        for text in ["gate score \(token)", token, "\(token) score sha256:\(Self.hash)"] {
            let error = try #require(self.error(text))
            #expect(error.reason.contains("it holds a key itself") && !error.description.contains(token))
        }
    }

    @Test("without a key is refused: it may be just being written")
    func empty() {
        #expect(error("") == KeyFileError(reason: "it holds no key"))
        #expect(error("# nothing\n\n")?.reason == "it holds no key")
    }

    @Test("has 1024 keys and 262144 bytes at most")
    func limits() throws {
        func lines(_ count: Int) -> String {
            (0..<count).map { "k\($0) score sha256:\(hexDigits(of: UInt64($0)))\(Self.hash.prefix(48))" }
                .joined(separator: "\n")
        }
        #expect(try KeyFile(lines(KeyFile.maxKeys)).count == 1024)
        #expect(error(lines(KeyFile.maxKeys + 1))?.line == 1025)
        let line = "gate score sha256:\(Self.hash)\n"
        let comment = String(repeating: "#", count: KeyFile.maxBytes - line.utf8.count)
        #expect(try KeyFile(line + comment).count == 1)
        #expect(error(line + comment + "#")?.reason == "it holds 262145 bytes; 262144 are allowed")
    }
}

@Suite("Key", .timeLimit(.minutes(15)))
struct KeyTests {
    @Test("is 256 random bits that check themselves")
    func form() {
        let tokens = (0..<100).map { _ in KeyToken.random() }
        #expect(Set(tokens).count == 100)
        for token in tokens {
            #expect(token.utf8.count == 77 && token.hasPrefix("tusk_"))
            #expect(KeyToken.isWellFormed(token))
            #expect(!KeyToken.isWellFormed(token.dropLast()))
            #expect(!KeyToken.isWellFormed(token + "0"))
            #expect(!KeyToken.isWellFormed(token.uppercased()))
            // any other digit is noticed, at the front and at the back
            for place in [5, 40, 76] {
                var bytes = Array(token.utf8)
                bytes[place] = bytes[place] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
                #expect(!KeyToken.isWellFormed(String(decoding: bytes, as: UTF8.self)))
            }
        }
    }

    @Test("is known by its SHA-256")
    func hash() {
        // FIPS 180-4's example
        let hash = KeyHash(ofToken: "abc")
        #expect(hash.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(KeyHash(hex: hash.hex) == hash)
        #expect(hash.matches(hash) == 1)
    }

    @Test("hashes match only where every bit does")
    func comparison() {
        let hash = KeyHash(ofToken: "abc")
        for bit in 0..<256 {
            var other = hash
            let mask = UInt64(1) << (bit % 64)
            switch bit / 64 {
            case 0: other.words.0 ^= mask
            case 1: other.words.1 ^= mask
            case 2: other.words.2 ^= mask
            default: other.words.3 ^= mask
            }
            #expect(hash.matches(other) == 0 && other.matches(hash) == 0)
        }
    }

    @Test("is found at every place of the ring, and one that is not there is not")
    func ring() throws {
        let tokens = (0..<50).map { _ in KeyToken.random() }
        let lines = tokens.enumerated().map {
            KeyFile.line(name: "k\($0)", scopes: [.score], token: $1, expiry: nil)
        }
        let ring = KeyRing(try KeyFile(lines.joined(separator: "\n")), now: { 0 })
        for (index, token) in tokens.enumerated() {
            #expect(ring.find(KeyHash(ofToken: token))?.key.name == "k\(index)")
        }
        #expect(ring.find(KeyHash(ofToken: KeyToken.random())) == nil)
    }
}
