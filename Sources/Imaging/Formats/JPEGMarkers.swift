internal import Glibc

extension ImageHeader {
    /// What comes before the fields of Exif data in a segment APP1.
    static let exifMark = Array("Exif\0\0".utf8)

    /// Header of a JPEG: the size in its first frame header, the orientation in its first Exif data or last XMP packet before the first scan,
    /// and all SOS markers up to EOI.
    ///
    /// Source: ITU-T T.81 (1992), annex B. Between segments, as inside a scan, whatever is no marker is skipped, as
    /// libjpeg skips it.
    /// - Throws: ``ImagingError/damaged(format:reason:)`` without a frame header.
    static func jpeg(_ bytes: ArraySlice<UInt8>) throws(ImagingError) -> ImageHeader {
        let found = unsafe bytes.withUnsafeBufferPointer { unsafe scan($0) }
        guard let (width, height) = found.size else { throw .damaged(format: .jpeg, reason: "no frame header") }
        func part(_ range: Range<Int>?) -> ArraySlice<UInt8> {
            range.map { bytes[bytes.startIndex + $0.lowerBound..<bytes.startIndex + $0.upperBound] } ?? []
        }
        return ImageHeader(
            format: .jpeg, width: width, height: height, scans: found.scans,
            orientation: Orientation(exif: part(found.exif), xmp: part(found.xmp)), valueScale: .unit)
    }

    private static func scan(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) -> (size: (width: Int, height: Int)?, scans: Int, exif: Range<Int>?, xmp: Range<Int>?) {
        var (size, scans): ((width: Int, height: Int)?, Int) = (nil, 0)
        var (exif, xmp): (Range<Int>?, Range<Int>?) = (nil, nil)
        /// What a segment at `position` holds behind `mark`; nil for another segment.
        func content(_ position: Int, _ length: Int, behind mark: [UInt8]) -> Range<Int>? {
            let start = position + 2 + mark.count
            let end = min(position + length, bytes.count)
            return start <= end && mark.indices.allSatisfy { unsafe bytes[position + 2 + $0] == mark[$0] }
                ? start..<end : nil
        }
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
            case 0xE1 where scans == 0:
                exif = exif ?? content(position, length, behind: exifMark)
                xmp = content(position, length, behind: Orientation.xmpMark) ?? xmp
            default: break
            }
            position += length
        }
        return (size, scans, exif, xmp)
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
