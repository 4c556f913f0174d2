internal import Glibc

/// Size of an encoded image and the number of times that decoding goes over it, read from its headers alone.
public struct ImageHeader: Sendable, Equatable {
    public let format: ImageFormat
    /// Width in pixels, as the file says.
    public let width: Int
    /// Height in pixels, as the file says.
    public let height: Int
    /// Scans of a JPEG, counted by their SOS markers; passes of a PNG, 7 when it is interlaced.
    public let scans: Int

    /// Passes of an interlaced PNG (PNG, third edition, section 8.1).
    static let interlacedPasses = 7

    /// Number of pixels, the largest number where that is too small for it.
    public var pixels: Int {
        let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
        return overflow ? .max : pixels
    }

    /// Pixels times scans: a measure of the work to decode the image, which its length is not, since a flat scan takes
    /// a byte for thousands of pixels.
    public var scannedPixels: Int {
        let (scanned, overflow) = pixels.multipliedReportingOverflow(by: max(1, scans))
        return overflow ? .max : scanned
    }

    init(format: ImageFormat, width: Int, height: Int, scans: Int) {
        self.format = format
        self.width = width
        self.height = height
        self.scans = scans
    }

    /// Reads the header of a PNG, or looks through a JPEG for its markers; nothing is decoded, and nothing is allocated.
    ///
    /// A file that goes wrong after its header has one all the same.
    /// - Throws: ``ImagingError/unknownFormat(_:)``, ``ImagingError/damaged(format:reason:)`` when there is no size to find.
    /// - Complexity: O(1) for a PNG, O(length) for a JPEG, less than a millisecond for 8 MiB.
    public init(of bytes: ArraySlice<UInt8>) throws(ImagingError) {
        let header: ImageHeader? =
            switch imageFormat(of: bytes) {
            case .png: try Self.png(bytes)
            case .jpeg: unsafe bytes.withUnsafeBufferPointer { unsafe Self.jpeg($0) }
            case nil: throw .unknownFormat(fileKind(of: bytes))
            }
        guard let header else { throw .damaged(format: .jpeg, reason: "no frame header") }
        self = header
    }

    /// Source: PNG (third edition), W3C Recommendation 2025, section 11.2.1.
    private static func png(_ bytes: ArraySlice<UInt8>) throws(ImagingError) -> ImageHeader {
        let start = bytes.startIndex + pngSignature.count
        func number(at offset: Int) -> Int { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        guard bytes.endIndex - start >= 25, number(at: start) == 13,
            bytes[start + 4..<start + 8].elementsEqual("IHDR".utf8)
        else { throw .damaged(format: .png, reason: "the first chunk is not an IHDR of 13 bytes") }
        return ImageHeader(
            format: .png, width: number(at: start + 8), height: number(at: start + 12),
            scans: bytes[start + 20] == 0 ? 1 : interlacedPasses)
    }

    /// The first frame header, and all SOS markers up to EOI; nil without a frame header.
    ///
    /// Source: ITU-T T.81 (1992), annex B. Between segments, as inside a scan, whatever is no marker is skipped, as
    /// libjpeg skips it.
    private static func jpeg(_ bytes: UnsafeBufferPointer<UInt8>) -> ImageHeader? {
        var size: (width: Int, height: Int)?
        var scans = 0
        var position = 2  // after SOI
        while let marker = unsafe nextMarker(in: bytes, from: &position), marker != 0xD9 {
            // TEM has no length; RST0 to RST7 are part of a scan, and skipped there.
            if marker == 0x01 { continue }
            guard bytes.count - position >= 2 else { break }
            let length = unsafe Int(bytes[position]) << 8 | Int(bytes[position + 1])
            switch marker {
            case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(marker):
                // length, precision, height, width
                if size == nil, bytes.count - position >= 7 {
                    size = unsafe (
                        Int(bytes[position + 5]) << 8 | Int(bytes[position + 6]),
                        Int(bytes[position + 3]) << 8 | Int(bytes[position + 4])
                    )
                }
            case 0xDA: scans += 1
            default: break
            }
            position += length
        }
        return size.map { ImageHeader(format: .jpeg, width: $0.width, height: $0.height, scans: scans) }
    }

    /// Code of the next marker but RST, with `position` behind it; nil when there is none.
    private static func nextMarker(in bytes: UnsafeBufferPointer<UInt8>, from position: inout Int) -> UInt8? {
        guard let base = bytes.baseAddress else { return nil }
        while position < bytes.count - 1 {
            guard let found = unsafe memchr(base + position, 0xFF, bytes.count - 1 - position) else { return nil }
            position = unsafe UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found)) + 1
            let code = unsafe bytes[position]
            // FF 00 is the data byte FF, FF FF a fill byte before a marker.
            if code == 0xFF { continue }
            position += 1
            if code != 0, !(0xD0...0xD7).contains(code) { return code }
        }
        return nil
    }
}
