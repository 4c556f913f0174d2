internal import CImageDecoders

/// Decodes a JPEG of 8 bits to gray or rgb: baseline, extended or progressive, by Huffman or arithmetic codes, of any chroma sampling. CMYK
/// becomes rgb, and an Exif orientation is applied.
///
/// - Parameter isStopped: asked for each row of blocks of each scan, and for each row of pixels.
/// - Throws: ``ImagingError``. A warning of the library that says something of the pixels (a file cut off, say) is an error here, so an
///   image is never partly decoded.
public func decodeJPEG(
    _ bytes: [UInt8], limits: DecodeLimits = DecodeLimits(), isStopped: @escaping () -> Bool = { false }
) throws(ImagingError) -> Image {
    guard imageFormat(of: bytes) == .jpeg else { throw .damaged(format: .jpeg, reason: "no start of an image") }
    let header = try ImageHeader(of: bytes[...])
    try limits.check(header)
    // The library counts for itself: it and the reader of headers may disagree about a damaged file.
    let scans = Int32(clamping: min(limits.scans, limits.scannedPixels / max(1, header.pixels)))
    let result = unsafe StopQuery(isStopped).withFile(bytes) { file -> Result<Image, ImagingError> in
        var decoder: OpaquePointer?
        var info = tusk_image_info()
        defer { unsafe tusk_jpeg_free(decoder) }
        func failure(_ status: tusk_decode_status) -> ImagingError? {
            switch status {
            case TUSK_DECODE_DONE: nil
            case TUSK_DECODE_STOPPED: .stopped
            case TUSK_DECODE_SCANS:
                .tooLarge(quantity: "scans", value: unsafe Int(tusk_jpeg_scan(decoder)), limit: Int(scans))
            case TUSK_DECODE_UNSUPPORTED:
                .unsupported(format: .jpeg, feature: unsafe String(cString: tusk_jpeg_message(decoder)))
            default: .damaged(format: .jpeg, reason: unsafe String(cString: tusk_jpeg_message(decoder)))
            }
        }
        if let error = failure(unsafe tusk_jpeg_open(file, scans, &decoder, &info)) { return .failure(error) }
        let (width, height) = header.storedSize
        guard let mode = ColorMode(info.kind), (Int(info.width), Int(info.height)) == (width, height) else {
            return .failure(.damaged(format: .jpeg, reason: "two sizes"))
        }
        var pixels = [UInt8](repeating: 0, count: header.pixels * mode.channels)
        let status = unsafe pixels.withUnsafeMutableBufferPointer { unsafe tusk_jpeg_read(decoder, $0.baseAddress) }
        if let error = failure(status) { return .failure(error) }
        return .success(Image(width: width, height: height, mode: mode, pixels: pixels))
    }
    return try result.get().shown(header.orientation) { () throws(ImagingError) in if isStopped() { throw .stopped } }
}
