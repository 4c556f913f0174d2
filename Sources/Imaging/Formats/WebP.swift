internal import CImageDecoders

/// The first bytes of every WebP, but for the length between them.
let webpSignature = (riff: Array("RIFF".utf8), webp: Array("WEBP".utf8))

/// Decodes a lossy or lossless WebP to rgb, or to rgba where it has an alpha channel. An orientation is applied.
///
/// - Parameter isStopped: asked for every 4 KiB of the file.
/// - Throws: ``ImagingError``; an animation is refused.
public func decodeWebP(
    _ bytes: [UInt8], limits: DecodeLimits = DecodeLimits(), isStopped: @escaping () -> Bool = { false }
) throws(ImagingError) -> Image {
    guard imageFormat(of: bytes) == .webp else { throw .damaged(format: .webp, reason: "no RIFF container of WebP") }
    let header = try ImageHeader(of: bytes[...])
    try limits.check(header)
    let end = 8 + riffLength(bytes[...])
    guard end <= bytes.count else { throw .damaged(format: .webp, reason: "the file ends too early") }
    let result = unsafe StopQuery(isStopped).withFile(bytes) { file -> Result<Image, ImagingError> in
        var info = tusk_image_info()
        var isAnimated = false
        var reason: UnsafePointer<CChar>?
        func failure(_ status: tusk_decode_status) -> ImagingError? {
            switch status {
            case TUSK_DECODE_DONE: nil
            case TUSK_DECODE_STOPPED: .stopped
            default: .damaged(format: .webp, reason: unsafe reason.map { unsafe String(cString: $0) } ?? "")
            }
        }
        let opened = unsafe tusk_webp_open(file.pointee.bytes, file.pointee.count, &info, &isAnimated, &reason)
        if let error = failure(opened) { return .failure(error) }
        let (width, height) = header.storedSize
        guard let mode = ColorMode(info.kind), (Int(info.width), Int(info.height)) == (width, height) else {
            return .failure(.damaged(format: .webp, reason: "two sizes"))
        }
        var pixels = [UInt8](repeating: 0, count: header.pixels * mode.channels)
        let status = unsafe pixels.withUnsafeMutableBufferPointer {
            unsafe tusk_webp_read(file, &info, $0.baseAddress, &reason)
        }
        if let error = failure(status) { return .failure(error) }
        return .success(Image(width: width, height: height, mode: mode, pixels: pixels))
    }
    return try result.get().shown(header.orientation) { () throws(ImagingError) in if isStopped() { throw .stopped } }
}

/// Length of a RIFF container behind its first eight bytes, as it says.
/// - Precondition: `bytes` has them.
private func riffLength(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
}

extension ImageHeader {
    /// Header of a WebP.
    ///
    /// Source: RFC 9649, *WebP Image Format*, section 2: chunks of a type, a length and, to an even number, so many bytes.
    /// - Throws: ``ImagingError/damaged(format:reason:)``, ``ImagingError/unsupported(format:feature:)`` for an animation.
    static func webp(_ bytes: ArraySlice<UInt8>) throws(ImagingError) -> ImageHeader {
        var info = tusk_image_info()
        var isAnimated = false
        var reason: UnsafePointer<CChar>?
        let status = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe tusk_webp_open(buffer.baseAddress, buffer.count, &info, &isAnimated, &reason)
        }
        guard status == TUSK_DECODE_DONE else {
            throw .damaged(format: .webp, reason: unsafe reason.map { unsafe String(cString: $0) } ?? "")
        }
        if isAnimated { throw .unsupported(format: .webp, feature: "an animation (save its frames as PNG)") }
        let (orientation, isLossy) = chunks(of: bytes)
        return ImageHeader(
            format: .webp, width: Int(info.width), height: Int(info.height), scans: 1, orientation: orientation,
            valueScale: isLossy ? .unit : nil)
    }

    /// The orientation in the first chunk of Exif data, which some writers begin with the mark of JPEG's, or of XMP; and whether the
    /// picture's chunk is that of lossy ones.
    private static func chunks(of bytes: ArraySlice<UInt8>) -> (orientation: Orientation, isLossy: Bool) {
        var isLossy = false
        var rest = bytes.prefix(8 + riffLength(bytes)).dropFirst(12)
        var (exif, xmp): (ArraySlice<UInt8>?, ArraySlice<UInt8>?)
        while rest.count >= 8 {
            let length = riffLength(rest)
            let content = rest.dropFirst(8).prefix(length)
            if exif == nil, rest.starts(with: "EXIF".utf8) {
                exif = content.starts(with: exifMark) ? content.dropFirst(exifMark.count) : content
            }
            if xmp == nil, rest.starts(with: "XMP ".utf8) { xmp = content }
            isLossy = isLossy || rest.starts(with: "VP8 ".utf8)
            rest = rest.dropFirst(8 + length + length % 2)
        }
        return (Orientation(exif: exif ?? [], xmp: xmp ?? []), isLossy)
    }
}
