/// A way to feed bytes to code that reads what clients and files say, with what must hold whatever the bytes are.
///
/// `make fuzz` lets libFuzzer invent the bytes; the tests run the committed corpus.
struct FuzzTarget: Sendable {
    /// Of the folder in `corpus`, and of the command line.
    var name: String
    /// Bytes of the longest input that is tried.
    var maxLength: Int
    /// Throws ``Violation`` when something does not hold.
    var run: @Sendable ([UInt8]) throws -> Void

    init(_ name: String, maxLength: Int, _ run: @escaping @Sendable ([UInt8]) throws -> Void) {
        self.name = name
        self.maxLength = maxLength
        self.run = run
    }

    /// Every target, in the order in which `make fuzz` runs them.
    static let all: [FuzzTarget] = [
        FuzzTarget("request", maxLength: 4096, fuzzRequest),
        FuzzTarget("chunked", maxLength: 4096, fuzzChunked),
        FuzzTarget("connection", maxLength: 4096, fuzzConnection),
        FuzzTarget("split", maxLength: 4096, fuzzSplit),
        FuzzTarget("route", maxLength: 2048, fuzzRoute),
        FuzzTarget("fields", maxLength: 512, fuzzFields),
        FuzzTarget("coding", maxLength: 8192, fuzzCoding),
        FuzzTarget("multipart", maxLength: 4096, fuzzMultipart),
        FuzzTarget("json", maxLength: 4096, fuzzJSON),
        FuzzTarget("npy", maxLength: 2048, fuzzNPY),
        FuzzTarget("png", maxLength: 4096, fuzzPNG),
        FuzzTarget("jpeg", maxLength: 4096, fuzzJPEG),
        FuzzTarget("tar", maxLength: 8192, fuzzTar),
        FuzzTarget("zip", maxLength: 4096, fuzzZip),
        FuzzTarget("arrow", maxLength: 4096, fuzzArrow),
        FuzzTarget("data", maxLength: 4096, fuzzData),
        FuzzTarget("tables", maxLength: 1024, fuzzTables),
        FuzzTarget("webp", maxLength: 4096, fuzzWebP),
        FuzzTarget("images", maxLength: 4096, fuzzImages),
        FuzzTarget("latents", maxLength: 4096, fuzzLatents),
        FuzzTarget("model", maxLength: 32768, fuzzModel),
        FuzzTarget("import", maxLength: 32768, fuzzImport),
    ]
}

/// Something that should hold for all inputs, and did not.
struct Violation: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ text: @autoclosure () -> String) throws(Violation) {
    guard condition else { throw Violation(text()) }
}

/// An input taken apart from its front. What it lacks reads as zeros, so that every input means something.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Two bytes as a number, low byte first.
    mutating func number() -> Int { Int(byte()) | Int(byte()) << 8 }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[Int(byte()) % choices.count] }

    /// At most `count` bytes.
    mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func takeAll() -> [UInt8] { take(rest.count) }
}

/// `bytes` in pieces of lengths that `seed` decides, none empty.
func split(_ bytes: [UInt8], seed: Int) -> [[UInt8]] {
    let longest = [1, 3, 16, 200][seed & 3]
    var state = UInt64(truncatingIfNeeded: seed)
    var pieces: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
        // Knuth's MMIX generator; its high bits are the good ones.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let end = min(bytes.count, start + 1 + Int(state >> 33) % longest)
        pieces.append(Array(bytes[start..<end]))
        start = end
    }
    return pieces
}
