/// Kind of a file that its first bytes tell, in words for messages to those who gave it.
public struct FileKind: Sendable, Equatable, CustomStringConvertible {
    /// The kind with its article, such as "a GIF picture", "an HTML page" or "text in UTF-16".
    public let phrase: String
    /// What its owner can do to have it read, as a clause: "save it as PNG"; nil where there is nothing to say.
    public let advice: String?

    /// Whether values of another kind, such as rows of levels, hardly ever begin as the file does.
    public let isCertain: Bool

    init(phrase: String, advice: String?, isCertain: Bool = false) {
        (self.phrase, self.advice, self.isCertain) = (phrase, advice, isCertain)
    }

    /// Whether it stands where a file should be that was not fetched: a Git LFS pointer or an HTML page.
    public var isStandIn: Bool { advice == fetchObject || advice == downloadFile }

    /// Whether it is a picture or a video, but in a format that is not read.
    public var isUnreadPicture: Bool { advice == savePicture || advice == saveFrames }

    /// The kind without an article, such as "GIF picture".
    public var name: String {
        for article in ["a ", "an "] where phrase.hasPrefix(article) { return String(phrase.dropFirst(article.count)) }
        return phrase
    }

    /// The kind with its article and what its owner can do: "a GIF picture: save it as PNG".
    public var phraseWithAdvice: String { phrase + (advice.map { ": \($0)" } ?? "") }

    public var description: String { name }
}

/// Number of first bytes that tell every kind of ``fileKind(of:)``.
public let fileKindBytes = 512

/// The kind of file that begins with `bytes`, whether or not it is one that is read; nil when it is none of those that people meet.
/// - Parameter bytes: its first ``fileKindBytes`` bytes or more, or all of a shorter one.
public func fileKind(of bytes: some Collection<UInt8>) -> FileKind? {
    let start = Array(bytes.prefix(fileKindBytes))
    if start.isEmpty { return FileKind(phrase: "an empty file", advice: "copy or download it again") }
    if let format = imageFormat(of: start) { return FileKind(phrase: "a \(format.rawValue) picture", advice: nil) }
    if let signature = signatures.first(where: { $0.matches(start) }) {
        return signature.kind.isCertain || !hasDirectory(start, fileBytes: bytes.count)
            ? signature.kind : FileKind(phrase: signature.kind.phrase, advice: signature.kind.advice, isCertain: true)
    }
    return mediaKind(start, fileBytes: bytes.count) ?? binaryKind(start) ?? textKind(start)
}

/// Whether a file that begins as a TIFF does has the place of its first directory within it (TIFF 6.0, section 2).
private func hasDirectory(_ start: [UInt8], fileBytes: Int) -> Bool {
    let isLittleEndian = start.starts(with: [0x49, 0x49, 0x2A, 0])
    guard isLittleEndian || start.starts(with: [0x4D, 0x4D, 0, 0x2A]), start.count >= 8 else { return false }
    let offset = start[4..<8].enumerated().reduce(0) {
        $0 | Int($1.element) << (8 * (isLittleEndian ? $1.offset : 3 - $1.offset))
    }
    return offset % 2 == 0 && (8..<fileBytes).contains(offset)
}

/// Bytes that stand at a fixed place in every file of a kind.
private struct Signature {
    let kind: FileKind
    let bytes: [UInt8]
    let offset: Int

    init(_ phrase: String, _ bytes: [UInt8], at offset: Int = 0, advice: String? = nil) {
        kind = FileKind(phrase: phrase, advice: advice, isCertain: bytes.count >= 6)
        self.bytes = bytes
        self.offset = offset
    }

    init(_ phrase: String, _ text: String, at offset: Int = 0, advice: String? = nil) {
        self.init(phrase, Array(text.utf8), at: offset, advice: advice)
    }

    func matches(_ start: [UInt8]) -> Bool { start.dropFirst(offset).starts(with: bytes) }
}

let savePicture = "save it as PNG"
let fetchObject = "fetch its file with git lfs pull"
let downloadFile = "download the picture itself"
let saveFrames = "save its frames as PNG"
let saveArray = "save its arrays by numpy.save"
let unpack = "unpack it"

/// Signatures of two bytes stand last: the fewer the bytes, the more files begin so by chance.
private let signatures: [Signature] = [
    Signature("a GIF picture", "GIF87a", advice: saveFrames),
    Signature("a GIF picture", "GIF89a", advice: saveFrames),
    Signature("a TIFF picture", [0x49, 0x49, 0x2A, 0], advice: savePicture),
    Signature("a TIFF picture", [0x4D, 0x4D, 0, 0x2A], advice: savePicture),
    Signature("a TIFF picture", [0x49, 0x49, 0x2B, 0, 8, 0, 0, 0], advice: savePicture),
    Signature("a TIFF picture", [0x4D, 0x4D, 0, 0x2B, 0, 8, 0, 0], advice: savePicture),
    Signature("a JPEG 2000 picture", [0, 0, 0, 12] + Array("jP  \r\n".utf8) + [0x87, 0x0A], advice: savePicture),
    Signature("a JPEG 2000 picture", [0xFF, 0x4F, 0xFF, 0x51], advice: savePicture),
    Signature("a JPEG XL picture", [0, 0, 0, 12] + Array("JXL \r\n".utf8) + [0x87, 0x0A], advice: savePicture),
    Signature("a Photoshop document", "8BPS", advice: savePicture),
    Signature("an OpenEXR picture", [0x76, 0x2F, 0x31, 0x01], advice: savePicture),
    Signature("a QOI picture", "qoif", advice: savePicture),
    Signature("a PDF document", "%PDF-", advice: "save its pictures as PNG"),
    Signature("a PostScript document", "%!PS", advice: "save its pictures as PNG"),
    Signature(
        "a Git LFS pointer", "version https://git-lfs.github.com/spec/", advice: fetchObject),
    Signature("a git-annex pointer", "/annex/objects/", advice: "fetch its file with git annex get"),
    Signature("a ZIP archive", "PK\u{3}\u{4}", advice: unpack),
    Signature("a ZIP archive", "PK\u{5}\u{6}", advice: unpack),
    Signature("a tar archive", "ustar", at: 257, advice: unpack),
    Signature("a RAR archive", "Rar!\u{1A}\u{7}", advice: unpack),
    Signature("a 7z archive", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], advice: unpack),
    Signature("an xz file", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], advice: unpack),
    Signature("a Zstandard file", [0x28, 0xB5, 0x2F, 0xFD], advice: unpack),
    Signature("an LZ4 file", [0x04, 0x22, 0x4D, 0x18], advice: unpack),
    Signature("a bzip2 file", "BZh", advice: unpack),
    Signature("an NPY array", [0x93] + Array("NUMPY".utf8)),
    Signature("a MATLAB .mat file", "MATLAB 5.0 MAT-file", advice: saveArray),
    Signature("a MATLAB .mat file", "MATLAB 7.3 MAT-file", advice: saveArray),
    Signature("an HDF5 file", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], advice: saveArray),
    Signature("a NetCDF file", "CDF\u{1}", advice: saveArray),
    Signature("a NetCDF file", "CDF\u{2}", advice: saveArray),
    Signature("a FITS file", "SIMPLE  =", advice: saveArray),
    Signature("a DICOM file", "DICM", at: 128, advice: savePicture),
    Signature("a NIfTI volume", "n+1\0", at: 344, advice: "save its slices as PNG"),
    Signature("a Parquet file", "PAR1", advice: "save it as an Arrow IPC file"),
    Signature("an Arrow IPC file", "ARROW1\0\0"),
    Signature("a Feather file of version 1", "FEA1", advice: "save it as version 2, which pyarrow writes by default"),
    Signature("an SQLite database", "SQLite format 3\0", advice: "save its pictures as files"),
    Signature(
        "an AppleDouble file of macOS", [0, 0x05, 0x16, 0x07], advice: "remove it: the picture has a file of its own"),
    Signature("a .DS_Store file of macOS", [0, 0, 0, 1] + Array("Bud1".utf8), advice: "remove it"),
    Signature("an OLE file, such as Thumbs.db", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], advice: "remove it"),
    Signature("text in UTF-32", [0xFF, 0xFE, 0, 0], advice: "save it in UTF-8"),
    Signature("text in UTF-32", [0, 0, 0xFE, 0xFF], advice: "save it in UTF-8"),
    Signature("text in UTF-16", [0xFF, 0xFE], advice: "save it in UTF-8"),
    Signature("text in UTF-16", [0xFE, 0xFF], advice: "save it in UTF-8"),
    Signature("a gzip file", [0x1F, 0x8B], advice: unpack),
    Signature("a JPEG XL picture", [0xFF, 0x0A], advice: savePicture),
]

/// The kind of a container that says within itself what it holds: ISO base media (ISO/IEC 14496-12, section 4.3), RIFF; or of a
/// picture with a short signature, by fields of its header.
private func mediaKind(_ start: [UInt8], fileBytes: Int) -> FileKind? {
    func text(_ range: Range<Int>) -> String { String(decoding: start[range], as: UTF8.self) }
    if start.count >= 12, text(4..<8) == "ftyp" {
        // The major brand, its version, then the compatible brands up to the end of the box.
        let end = min(start.count, start[0..<4].reduce(0) { $0 << 8 | Int($1) })
        let brands = stride(from: 8, to: max(12, end - 3), by: 4).filter { $0 != 12 }.map { text($0..<$0 + 4) }
        if brands.contains(where: ["avif", "avis"].contains) {
            return FileKind(phrase: "an AVIF picture", advice: savePicture, isCertain: true)
        }
        if brands.contains(where: ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"].contains) {
            return FileKind(phrase: "a HEIC picture", advice: savePicture, isCertain: true)
        }
        return FileKind(phrase: "a video", advice: saveFrames, isCertain: true)
    }
    if start.count >= 12, text(0..<4) == "RIFF" {
        switch text(8..<12) {
        case "AVI ": return FileKind(phrase: "a video", advice: saveFrames, isCertain: true)
        case "WAVE": return FileKind(phrase: "a sound", advice: nil, isCertain: true)
        default: return nil
        }
    }
    if start.count >= 18, start[0] == 0x42, start[1] == 0x4D, start[6..<10].allSatisfy({ $0 == 0 }),
        [12, 40, 52, 56, 64, 108, 124].contains(start[14]), start[15..<18].allSatisfy({ $0 == 0 })
    {
        let length = start[2..<6].reversed().reduce(0) { $0 << 8 | Int($1) }
        return FileKind(phrase: "a BMP picture", advice: savePicture, isCertain: length == fileBytes)
    }
    // Reserved, 1, number of pictures; of the first its reserved byte.
    if start.count >= 22, start.starts(with: [0, 0, 1, 0]), (1...64).contains(start[4]), start[5] == 0, start[9] == 0 {
        return FileKind(phrase: "an ICO picture", advice: savePicture)
    }
    if start.count >= 3, start[0] == 0x50, (0x31...0x37).contains(start[1]),
        [0x0A, 0x0D, 0x20, 0x23].contains(start[2])
    {
        return FileKind(phrase: "a Netpbm picture", advice: savePicture)
    }
    return nil
}

/// The kind of a file of values that has no signature, but a beginning that nothing else has.
private func binaryKind(_ start: [UInt8]) -> FileKind? {
    // Opcode PROTO and the version; of versions 4 and 5 a FRAME follows, of 2 and 3 another opcode.
    if start.count >= 3, start[0] == 0x80, (2...5).contains(start[1]), start[1] < 4 || start[2] == 0x95 {
        return FileKind(phrase: "a Python pickle file", advice: saveArray)
    }
    guard start.count >= 9 else { return nil }
    // A length of 64 bits, and the JSON that is so long.
    if start[5..<8].allSatisfy({ $0 == 0 }), start[8] == UInt8(ascii: "{"), start[0..<5].contains(where: { $0 != 0 }) {
        return FileKind(phrase: "a safetensors file", advice: saveArray)
    }
    // A message's mark, and the length of its description, a multiple of 8.
    if start[0..<4].allSatisfy({ $0 == 0xFF }), start[4] & 7 == 0, start[7] == 0,
        start[4..<7].contains(where: { $0 != 0 })
    {
        return FileKind(phrase: "an Arrow IPC stream", advice: nil)
    }
    return nil
}

/// The kind of a text, which may have a byte order mark and white space in front.
private func textKind(_ start: [UInt8]) -> FileKind? {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = start.starts(with: mark) ? start.dropFirst(3) : start[...]
    let isControl = { (byte: UInt8) in byte < 0x20 && !(0x09...0x0D).contains(byte) || byte == 0x7F }
    guard !text.contains(where: isControl), isUTF8(text, cutAfter: fileKindBytes - 4) else { return nil }
    let lower = String(decoding: text, as: UTF8.self).lowercased().drop { $0.isWhitespace }
    if lower.hasPrefix("<!doctype html") || lower.hasPrefix("<html") || lower.hasPrefix("<head") {
        return FileKind(phrase: "an HTML page", advice: downloadFile, isCertain: true)
    }
    if lower.contains("<svg") { return FileKind(phrase: "an SVG drawing", advice: savePicture, isCertain: true) }
    if lower.hasPrefix("<?xml") {
        // XHTML, and answers of stores in place of a file
        return lower.contains("<html")
            ? FileKind(phrase: "an HTML page", advice: downloadFile, isCertain: true)
            : FileKind(phrase: "an XML document", advice: nil)
    }
    if lower.hasPrefix("{") || lower.hasPrefix("[") { return FileKind(phrase: "JSON text", advice: nil) }
    return lower.isEmpty ? FileKind(phrase: "blank text", advice: nil) : FileKind(phrase: "text", advice: nil)
}

/// Whether `text` is UTF-8, but for a character that may be cut at its end where it is longer than `length` bytes.
private func isUTF8(_ text: ArraySlice<UInt8>, cutAfter length: Int) -> Bool {
    (0...3).contains { cut in
        (cut == 0 || text.count > length) && String(validating: text.dropLast(cut), as: UTF8.self) != nil
    }
}
