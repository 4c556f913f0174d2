internal import Compression

/// The eight bytes that every PNG begins with.
let pngSignature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/// The chunks of a PNG file, each one complete and with the right checksum.
///
/// Source: PNG (third edition), W3C Recommendation 2025, §5 and §11.
struct PNGChunks {
    let header: ImageHeader
    /// Bits a channel: 1, 2, 4, 8 or 16; for a palette, of the index.
    let bitDepth: Int
    let isInterlaced: Bool
    /// A PNG file of only those chunks that say what the stored values are: IHDR, PLTE, tRNS, one IDAT with the content of
    /// all and without its checksum, IEND.
    ///
    /// Without gAMA, cHRM, iCCP and sRGB the library has no reason to convert: densities are of the stored values.
    let plain: [UInt8]

    /// Reads the chunks up to IEND; what follows it is ignored, as all readers do.
    /// - Throws: ``ImagingError/damaged(format:reason:)``.
    init(_ bytes: [UInt8]) throws(ImagingError) {
        func damaged(_ reason: String) -> ImagingError { .damaged(format: .png, reason: reason) }
        func number(at offset: Int) -> Int {
            bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        func checksum(_ range: Range<Int>) -> UInt32 { unsafe crc32(bytes.span.bytes.extracting(range)) }
        guard bytes.starts(with: pngSignature) else { throw damaged("no PNG signature") }
        let header = try ImageHeader(of: bytes[...])
        var plain = pngSignature
        /// Where the length of the IDAT chunk of ``plain`` stands.
        var data: Int?
        /// Whether another chunk that is kept has followed the image data.
        var dataEnded = false
        var position = pngSignature.count
        while true {
            guard bytes.count - position >= 12 else { throw damaged("the file ends before its IEND chunk") }
            let length = number(at: position)
            guard length <= 0x7fff_ffff else { throw damaged("chunk length out of range") }
            guard length <= bytes.count - position - 12 else { throw damaged("the file ends inside a chunk") }
            let content = position + 8
            let end = content + length
            guard Int(checksum(position + 4..<end)) == number(at: end) else {
                throw damaged("wrong checksum of a chunk")
            }
            let type = String(decoding: bytes[position + 4..<content], as: UTF8.self)
            switch type {
            case "IDAT":
                // §5.6: the chunks of the image data follow one another.
                if dataEnded { throw damaged("the image data is interrupted") }
                if data == nil {
                    data = plain.count
                    plain += bytes[position..<content]
                }
                plain += bytes[content..<end]
            case "IHDR", "PLTE", "tRNS", "IEND":
                if let data, !dataEnded {
                    let length = plain.count - data - 8
                    guard length <= 0x7fff_ffff else { throw damaged("more image data than one chunk can have") }
                    plain.replaceSubrange(data..<data + 4, with: (0..<4).map { UInt8(length >> (24 - 8 * $0) & 0xFF) })
                    plain += [0, 0, 0, 0]
                    dataEnded = true
                }
                plain += bytes[position..<end + 4]
            // §5.4: an upper-case first letter means that the image cannot be understood without the chunk.
            case _ where bytes[position + 4] & 0x20 == 0: throw damaged("unknown critical chunk")
            default: break
            }
            position = end + 4
            if type == "IEND" { break }
        }
        guard header.width > 0, header.height > 0 else { throw damaged("width or height is 0") }
        self.header = header
        bitDepth = Int(bytes[24])
        isInterlaced = header.scans > 1
        self.plain = plain
    }
}
