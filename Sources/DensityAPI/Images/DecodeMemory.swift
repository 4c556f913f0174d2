import System

/// Memory that decoding an image takes, asked for beforehand: where there is none, libraries give up and Swift ends the process.
package enum DecodeMemory {
    /// Bytes of a pixel at the worst: 3 decoded and 8 of coefficients of a progressive JPEG in CMYK; 4 decoded and 4 of the library's own of a
    /// lossless WebP; 4 decoded and 4 turned or converted.
    static let bytesPerPixel = 12

    /// Checks that an image of so many pixels can be decoded now.
    /// - Throws: ``ProblemKind/outOfMemory``.
    package static func check(pixels: Int) throws(Problem) {
        let (bytes, overflow) = pixels.multipliedReportingOverflow(by: bytesPerPixel)
        guard !overflow, MemoryRoom.has(bytes) else {
            throw Problem(
                .outOfMemory,
                "image: to decode its \(pixels) pixels takes \(overflow ? .max : bytes) bytes, more memory than there is now",
                fields: Problem.retry(after: .zero))
        }
    }
}
