import Compression
import HTTPServer
import HTTPWire

/// Content codings: the inflater gives the same wherever the bytes are cut and keeps its limit; a body under way keeps
/// size and ratio; what we fold unfolds to the same.
@Sendable func fuzzCoding(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let choice = input.byte()
    let seed = input.number()
    let content = input.takeAll()

    for coding in InflaterCoding.allCases {
        let limit = choice & 1 == 0 ? 1 << 16 : 64
        let whole = unfolded([content], coding, limit: limit)
        let cut = unfolded(split(content, seed: seed), coding, limit: limit)
        // Where a damaged stream is noticed is zlib's to choose; that it is damaged is not.
        try require(whole.bytes == cut.bytes || whole.error != nil, "\(coding) unfolds otherwise when it is cut")
        try require((whole.error == nil) == (cut.error == nil), "\(whole.error as Any) whole, \(cut.error as Any) cut")
        try require(whole.bytes.count <= limit && cut.bytes.count <= limit, "more than the limit")
    }

    var limits = HTTPLimits()
    limits.expansionRatio = 2
    limits.expansionFloorBytes = 256
    for coding in [ContentCoding.identity, .gzip, .deflate] {
        var collector = BodyCollector(
            coding: coding, limit: 4096, limits: limits, memory: BodyMemory(BodyMemoryLimits()), owner: .connection(1))
        let body: [UInt8]
        do throws(HTTPServerError) {
            for piece in split(content, seed: seed) { try collector.append(piece.span) }
            body = try collector.finish()
        } catch {
            switch error {
            case .bodyTooLarge(4096), .badContentCoding: continue
            default: throw Violation("another error: \(error)")
            }
        }
        if coding == .identity {
            try require(body == content, "an uncoded body was changed")
        } else {
            try require(body.count <= min(4096, max(256, 2 * content.count)), "a body beyond its limits")
        }
    }

    let level = Int(choice >> 1) % 10
    for (coding, reading) in [(Coding.gzip, InflaterCoding.gzip), (.deflate, .deflate)] {
        let folded = deflate(content, coding: coding, level: level)
        try require(
            try inflate(folded, coding: reading, limit: content.count) == content, "folded and unfolded it differs")
    }
}

private func unfolded(
    _ pieces: [[UInt8]], _ coding: InflaterCoding, limit: Int
) -> (bytes: [UInt8], error: CompressionError?) {
    var inflater = Inflater(coding: coding)
    var output: [UInt8] = []
    do throws(CompressionError) {
        for piece in pieces { try inflater.inflate(piece, into: &output, limit: limit - output.count) }
        try inflater.finish()
        return (output, nil)
    } catch {
        return (output, error)
    }
}
