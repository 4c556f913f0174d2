internal import Compression

/// The eight bytes that every PNG begins with.
let pngSignature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/// The chunks of a PNG file, each one complete, and with the right checksum where it has to do with the pixels.
///
/// Source: PNG (third edition), W3C Recommendation 2025, §5 and §11.
struct PNGChunks {
    let header: ImageHeader
    /// Bits a channel: 1, 2, 4, 8 or 16; for a palette, of the index.
    let bitDepth: Int
    /// Whether the pixels are indices of a palette in which all colours are gray.
    let hasGrayPalette: Bool
    /// A PNG file of only those chunks that say what the stored values are: IHDR, PLTE of a palette, tRNS where there is no alpha channel, one
    /// IDAT with the content of all and without its checksum, IEND.
    ///
    /// Without gAMA, cHRM, iCCP and sRGB the library has no reason to convert: densities are of the stored values.
    let plain: [UInt8]

    /// Reads the chunks up to IEND; what follows it is ignored, as all readers do.
    ///
    /// A chunk that may be left out (§5.4) and has a wrong checksum is left out, unless it says something of the pixels.
    /// - Throws: ``ImagingError/damaged(format:reason:)``.
    init(_ bytes: [UInt8]) throws(ImagingError) {
        func damaged(_ reason: String) -> ImagingError { .damaged(format: .png, reason: reason) }
        func checksum(_ range: Range<Int>) -> UInt32 { unsafe crc32(bytes.span.bytes.extracting(range)) }
        guard bytes.starts(with: pngSignature) else { throw damaged("no PNG signature") }
        let header = try ImageHeader(of: bytes[...])
        let colorType = bytes[25]
        var plain = pngSignature
        var palette: ArraySlice<UInt8> = []
        /// Where the length of the IDAT chunk of ``plain`` stands.
        var data: Int?
        /// Whether another chunk that is kept has followed the image data.
        var dataEnded = false
        var position = pngSignature.count
        while true {
            guard bytes.count - position >= 12 else { throw damaged("the file ends before its IEND chunk") }
            let length = bigEndian(bytes[position..<position + 4])
            guard length <= 0x7fff_ffff else { throw damaged("chunk length out of range") }
            guard length <= bytes.count - position - 12 else { throw damaged("the file ends inside a chunk") }
            let content = position + 8
            let end = content + length
            let type = String(decoding: bytes[position + 4..<content], as: UTF8.self)
            // §5.4: a lower-case first letter means that the image can be understood without the chunk.
            let isAncillary = bytes[position + 4] & 0x20 != 0
            let turns =
                header.orientation != .upright
                && (type == "eXIf"
                    || type == "iTXt" && Self.xmp(bytes[content..<end]).flatMap(Orientation.number(inXMP:)) != nil)
            let isNeeded = !isAncillary || type == "tRNS" || turns
            guard !isNeeded || Int(checksum(position + 4..<end)) == bigEndian(bytes[end..<end + 4]) else {
                throw damaged("wrong checksum of \(isAncillary ? "the chunk \(type)" : "a chunk")")
            }
            switch type {
            case "IDAT":
                // §5.6: the chunks of the image data follow one another.
                if dataEnded { throw damaged("the image data is interrupted") }
                if data == nil {
                    data = plain.count
                    plain += bytes[position..<content]
                }
                plain += bytes[content..<end]
            // §11.2.2, §11.3.1.1: beside other pixels a palette is a suggestion or a mistake, and transparency beside alpha another.
            case "PLTE" where colorType != 3: break
            case "tRNS" where colorType & 4 != 0: break
            case "IHDR", "PLTE", "tRNS", "IEND":
                if let data, !dataEnded {
                    let length = plain.count - data - 8
                    guard length <= 0x7fff_ffff else { throw damaged("more image data than one chunk can have") }
                    plain.replaceSubrange(data..<data + 4, with: (0..<4).map { UInt8(length >> (24 - 8 * $0) & 0xFF) })
                    plain += [0, 0, 0, 0]
                    dataEnded = true
                }
                // Transparencies beyond the palette are of no colour, and an empty list is none.
                let isOfPalette = type == "tRNS" && colorType == 3 && !palette.isEmpty
                if isOfPalette && length == 0 { break }
                let needed = isOfPalette ? min(length, palette.count / 3) : length
                plain += (0..<4).map { UInt8(needed >> (24 - 8 * $0) & 0xFF) }
                plain += bytes[position + 4..<content + needed]
                plain += bytes[end..<end + 4]
                if type == "PLTE" { palette = bytes[content..<end] }
            case _ where !isAncillary: throw damaged("unknown critical chunk")
            default: break
            }
            position = end + 4
            if type == "IEND" { break }
        }
        guard header.width > 0, header.height > 0 else { throw damaged("width or height is 0") }
        self.header = header
        bitDepth = Int(bytes[24])
        var hasGrayPalette = colorType == 3
        var colors = palette
        while colorType == 3, let red = colors.popFirst(), let green = colors.popFirst(), let blue = colors.popFirst() {
            hasGrayPalette = hasGrayPalette && red == green && red == blue
        }
        self.hasGrayPalette = hasGrayPalette
        self.plain = plain
    }

    /// Chunks that say what the values of a picture mean, with their lengths and checksums: text under the keyword `Tusk-Scale`.
    ///
    /// Source: PNG (third edition), section 11.3.3.2.
    static let notes = ValueScale.allCases.map { scale in
        let content = Array("Tusk-Scale\0\(scale.rawValue)".utf8)
        let named = Array("tEXt".utf8) + content
        func bytes(of number: Int) -> [UInt8] { (0..<4).map { UInt8(number >> (24 - 8 * $0) & 0xFF) } }
        return (scale: scale, chunk: bytes(of: content.count) + named + bytes(of: Int(unsafe crc32(named.span.bytes))))
    }

    /// XMP packet that a chunk iTXt holds, not compressed; nil for one of another keyword.
    ///
    /// Source: PNG (third edition), section 11.3.3.4: keyword, whether and how it is compressed, language, keyword in it, text.
    fileprivate static func xmp(_ content: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        content.starts(with: Orientation.xmpKeyword) ? content.dropFirst(Orientation.xmpKeyword.count) : nil
    }
}

private func bigEndian(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

extension ImageHeader {
    /// Passes of an interlaced PNG (PNG, third edition, section 8.1).
    private static let interlacedPasses = 7

    /// Header of a PNG: the size in its first chunk, and the orientation in its first chunk of Exif data or last XMP packet, which may come
    /// after the image.
    ///
    /// Source: PNG (third edition), W3C Recommendation 2025, sections 11.2.1 and 11.3.4.5.
    /// - Throws: ``ImagingError/damaged(format:reason:)`` when the first chunk is no IHDR.
    static func png(_ bytes: ArraySlice<UInt8>) throws(ImagingError) -> ImageHeader {
        var rest = bytes.dropFirst(pngSignature.count)
        guard rest.count >= 25, bigEndian(rest.prefix(4)) == 13, rest.dropFirst(4).starts(with: "IHDR".utf8) else {
            throw .damaged(format: .png, reason: "the first chunk is not an IHDR of 13 bytes")
        }
        let fields = rest.dropFirst(8)
        var (exif, xmp): (ArraySlice<UInt8>?, ArraySlice<UInt8>) = (nil, [])
        var scale: ValueScale?
        while rest.count >= 12 {
            let length = bigEndian(rest.prefix(4))
            let type = rest.dropFirst(4).prefix(4)
            let content = rest.dropFirst(8).prefix(length)
            if exif == nil, type.elementsEqual("eXIf".utf8) { exif = content }
            if type.elementsEqual("iTXt".utf8), let packet = PNGChunks.xmp(content) { xmp = packet }
            if scale == nil { scale = PNGChunks.notes.first { rest.starts(with: $0.chunk) }?.scale }
            if type.elementsEqual("IEND".utf8) { break }
            rest = rest.dropFirst(12 + length)
        }
        return ImageHeader(
            format: .png, width: bigEndian(fields.prefix(4)), height: bigEndian(fields.dropFirst(4).prefix(4)),
            scans: fields[fields.startIndex + 12] == 0 ? 1 : interlacedPasses,
            orientation: Orientation(exif: exif ?? [], xmp: xmp), valueScale: scale)
    }
}
