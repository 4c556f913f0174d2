import Compression
import Imaging

/// Small enough that an input takes a millisecond.
private let limits = DecodeLimits(side: 128, pixels: 1 << 12)

/// Names the kind of `file` and decodes it; an image has the size that its header says, keeps the limits and survives being encoded again.
private func check(_ file: [UInt8]) throws {
    _ = fileKind(of: file)
    let image: Image
    do throws(ImagingError) {
        image = try decodeImage(file, limits: limits)
    } catch {
        if case .notEncodable = error { throw Violation("an error of encoding: \(error)") }
        if case .invalidNPY = error { throw Violation("an error of arrays: \(error)") }
        return
    }
    let header = try ImageHeader(of: file[...])
    try require((header.width, header.height) == (image.width, image.height), "the header says another size")
    try require(image.width <= limits.side && image.height <= limits.side, "a side beyond the limit")
    try require(image.width * image.height <= limits.pixels, "more pixels than the limit")
    try require(image.pixels.count == image.width * image.height * image.mode.channels, "the pixels are another number")
    let again = try decodePNG(try encodePNG(image), limits: limits)
    try require(again.pixels == image.pixels && again.mode == image.mode, "written as PNG it is another image")
    for mode in ColorMode.allCases {
        let converted = image.converted(to: mode)
        for fit in ImageFit.allCases {
            _ = converted.fitted(width: 5, height: 3, fit: fit, padding: Background.white.pixel(in: converted.mode))
        }
    }
}

/// PNG: the bytes as they are, with the checksums of their chunks put right, and with the content of IDAT chunks taken
/// for what it unfolds to. Inventing a checksum or a deflate stream is beyond a fuzzer.
@Sendable func fuzzPNG(_ bytes: [UInt8]) throws {
    try check(bytes)
    guard bytes.count >= 8 else { return }
    try check(repaired(bytes, folding: false))
    try check(repaired(bytes, folding: true))
}

private func repaired(_ bytes: [UInt8], folding: Bool) -> [UInt8] {
    var file = Array(bytes[..<8])
    var position = 8
    while bytes.count - position >= 12 {
        let length = min(Int(bytes[position + 2]) << 8 | Int(bytes[position + 3]), bytes.count - position - 12)
        let type = bytes[position + 4..<position + 8]
        var content = Array(bytes[position + 8..<position + 8 + length])
        if folding, Array(type) == Array("IDAT".utf8) { content = deflate(content, coding: .deflate, level: 0) }
        file += bigEndian(UInt32(content.count))
        let checked = Array(type) + content
        file += checked
        file += bigEndian(unsafe crc32(checked.span.bytes))
        position += 12 + length
    }
    return file + bytes[position...]
}

private func bigEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
}

@Sendable func fuzzJPEG(_ bytes: [UInt8]) throws { try check(bytes) }

/// WebP: the bytes as they are, and with the length of the container put right.
@Sendable func fuzzWebP(_ bytes: [UInt8]) throws {
    try check(bytes)
    guard bytes.count >= 12 else { return }
    let length = UInt32(bytes.count - 8)
    try check(Array(bytes[..<4]) + bigEndian(length).reversed() + bytes[8...])
}

/// NPY: an array has as many bytes as its shape says, written again reads the same, and has levels by every scale, or an error of an
/// element that is there.
@Sendable func fuzzNPY(_ bytes: [UInt8]) throws {
    let array: NPYArray
    do throws(ImagingError) {
        array = try NPYArray.decode(bytes)
    } catch {
        switch error {
        case .invalidNPY, .tooLarge: return
        default: throw Violation("an error of images: \(error)")
        }
    }
    try require(array.shape.reduce(array.elementType.size, *) == array.bytes.count, "the shape is of other bytes")
    try require(array.doubles().count == array.count, "the numbers are not as many as the elements")
    try require(try NPYArray.decode(array.encoded()) == array, "written and read again it is another array")
    for index in 0..<array.count {
        let whole = array.integer(index)
        try require(
            whole.map { "\($0)" } ?? array.text(index) == array.text(index) || array.elementType.isFloat, "other digits"
        )
    }
    for scale in [nil] + ValueScale.allCases {
        let levels: [UInt8]
        do {
            levels = try array.levels(16, scale: scale)
        } catch {
            try require(!error.reason(\.rawValue).isEmpty, "an error without a reason")
            switch error {
            case .notLevel(let position, _, _), .notUnit(let position, _):
                try require(position.count == array.shape.count, "a position of other axes")
                try require(
                    zip(position, array.shape).allSatisfy { $0 >= 0 && $0 < $1 }, "an element that is not there")
            case .unsaid: try require(scale == nil && !array.exceedsUnit, "a scale that was said, or is clear")
            }
            continue
        }
        try require(levels.count == array.count && levels.allSatisfy { $0 < 16 }, "a level that is none")
    }
}
