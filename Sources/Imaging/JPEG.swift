internal import CJPEG

/// Decodes a baseline or progressive JPEG to gray or rgb. An Exif orientation is not applied.
///
/// - Throws: ``ImagingError``. A warning of the library (a file cut off, say) is an error here, so an image is never
///   partly decoded. CMYK files and those of other than 8 bits are refused.
public func decodeJPEG(_ bytes: [UInt8], limits: DecodeLimits = DecodeLimits()) throws(ImagingError) -> Image {
    guard let handle = unsafe tjInitDecompress() else { preconditionFailure("TurboJPEG: out of memory") }
    defer { unsafe tjDestroy(handle) }

    var (width, height, subsampling, colors) = (Int32(0), Int32(0), Int32(0), Int32(0))
    let headerCode = unsafe bytes.withUnsafeBufferPointer { source in
        unsafe tjDecompressHeader3(
            handle, source.baseAddress, UInt(source.count), &width, &height, &subsampling, &colors)
    }
    guard headerCode == 0 else { throw .damaged(format: .jpeg, reason: unsafe message(of: handle)) }
    try limits.check(width: Int(width), height: Int(height))

    let mode: ColorMode
    switch UInt32(bitPattern: colors) {
    case TJCS_GRAY.rawValue: mode = .gray
    case TJCS_RGB.rawValue, TJCS_YCbCr.rawValue: mode = .rgb
    default: throw .unsupported(format: .jpeg, feature: "CMYK colours")
    }
    let format = mode == .gray ? TJPF_GRAY : TJPF_RGB
    // Every scan of a progressive file rewrites the whole image, and costs few bytes: limit them.
    let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS | TJFLAG_ACCURATEDCT
    var pixels = [UInt8](repeating: 0, count: Int(width) * Int(height) * mode.channels)
    let code = unsafe bytes.withUnsafeBufferPointer { source in
        unsafe pixels.withUnsafeMutableBufferPointer { target in
            unsafe tjDecompress2(
                handle, source.baseAddress, UInt(source.count), target.baseAddress, width, 0, height,
                Int32(format.rawValue), flags)
        }
    }
    guard code == 0 else { throw .damaged(format: .jpeg, reason: unsafe message(of: handle)) }
    return Image(width: Int(width), height: Int(height), mode: mode, pixels: pixels)
}

/// The library's fixed text for what went wrong, without the name of its function.
private func message(of handle: tjhandle) -> String {
    let text = unsafe String(cString: tjGetErrorStr2(handle))
    guard text.hasPrefix("tj"), let colon = text.firstIndex(of: ":") else { return text }
    return String(text[colon...].dropFirst().drop { $0 == " " })
}
