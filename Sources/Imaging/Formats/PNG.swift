internal import CImageDecoders
internal import CPNG

/// Decodes a PNG of any kind.
///
/// Values are those stored in the file: colour-space chunks such as gAMA do not change them. Gray of 1, 2 or 4 bits is
/// spread over 0...255; palettes become rgb, or gray where all their colours are; tRNS becomes an alpha channel; 16 bits are rounded to
/// 8, `(v · 255 + 32895) >> 16`, and flagged; an Exif orientation is applied.
/// - Parameter isStopped: asked for at least every 4 KiB of the file, which unfold to 4 MiB at most.
/// - Throws: ``ImagingError``. A warning of the library that says something of the pixels is an error here, so an image is never partly
///   decoded.
public func decodePNG(
    _ bytes: [UInt8], limits: DecodeLimits = DecodeLimits(), isStopped: @escaping () -> Bool = { false }
) throws(ImagingError) -> Image {
    let chunks = try PNGChunks(bytes)
    try limits.check(chunks.header)
    let (width, height) = chunks.header.storedSize
    let result = unsafe StopQuery(isStopped).withFile(chunks.plain) { file -> Result<Image, ImagingError> in
        var decoder: OpaquePointer?
        var info = tusk_image_info()
        defer { unsafe tusk_png_free(decoder) }
        func failure(_ status: tusk_decode_status) -> ImagingError? {
            switch status {
            case TUSK_DECODE_DONE: nil
            case TUSK_DECODE_STOPPED: .stopped
            default: .damaged(format: .png, reason: unsafe String(cString: tusk_png_message(decoder)))
            }
        }
        if let error = failure(unsafe tusk_png_open(file, &decoder, &info)) { return .failure(error) }
        guard let mode = ColorMode(info.kind), (Int(info.width), Int(info.height)) == (width, height) else {
            return .failure(.damaged(format: .png, reason: "two sizes"))
        }
        var pixels = [UInt8](repeating: 0, count: width * height * mode.channels)
        let status = unsafe pixels.withUnsafeMutableBufferPointer { unsafe tusk_png_read(decoder, $0.baseAddress) }
        if let error = failure(status) { return .failure(error) }
        let image = Image(
            width: width, height: height, mode: mode, pixels: pixels, isReducedFrom16Bit: chunks.bitDepth == 16)
        return .success(chunks.hasGrayPalette ? image.gray : image)
    }
    return try result.get().shown(chunks.header.orientation) { () throws(ImagingError) in
        if isStopped() { throw .stopped }
    }
}

extension Image {
    /// The image, all colours of which are gray, without two of its three equal channels.
    fileprivate var gray: Image {
        let channels = mode.channels
        guard channels >= 3 else { return self }
        var values: [UInt8] = []
        values.reserveCapacity(width * height * (channels - 2))
        for start in stride(from: 0, to: pixels.count, by: channels) {
            values.append(pixels[start])
            if channels == 4 { values.append(pixels[start + 3]) }
        }
        return Image(width: width, height: height, mode: channels == 4 ? .grayAlpha : .gray, pixels: values)
    }
}

/// Encodes `image` with 8 bits a channel; decoding gives back the same pixels.
/// - Parameter scale: what the values mean, noted in the file (``ImageHeader/valueScale``): levels, or fractions of 255; nil notes nothing.
/// - Throws: ``ImagingError/notEncodable(format:reason:)`` when it is larger than the library can write.
public func encodePNG(_ image: Image, scale: ValueScale? = nil) throws(ImagingError) -> [UInt8] {
    let target = UnsafeMutablePointer<png_image>.allocate(capacity: 1)
    unsafe target.initialize(to: png_image())
    defer {
        unsafe png_image_free(target)
        unsafe target.deallocate()
    }
    unsafe target.pointee.version = png_uint_32(PNG_IMAGE_VERSION)
    guard let width = png_uint_32(exactly: image.width), let height = png_uint_32(exactly: image.height) else {
        throw .notEncodable(format: .png, reason: "more than 2³² pixels a side")
    }
    unsafe target.pointee.width = width
    unsafe target.pointee.height = height
    unsafe target.pointee.format =
        switch image.mode {
        case .gray: 0
        case .grayAlpha: PNG_FORMAT_FLAG_ALPHA
        case .rgb: PNG_FORMAT_FLAG_COLOR
        case .rgba: PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA
        }
    // PNG_IMAGE_PNG_SIZE_MAX of png.h, generously: data with filter bytes, deflate's overhead, a header for each 8 KiB.
    let data = image.pixels.count + image.height
    let bound = data + data / 7 + data / 63 + 12 * (data / 4096) + 1024
    var size = png_alloc_size_t(bound)
    var succeeded = false
    let encoded = unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
        succeeded = unsafe image.pixels.withUnsafeBytes { source in
            unsafe png_image_write_to_memory(target, buffer.baseAddress, &size, 0, source.baseAddress, 0, nil) != 0
        }
        count = succeeded ? Int(size) : 0
    }
    guard succeeded else { throw .notEncodable(format: .png, reason: unsafe message(of: target)) }
    guard let note = PNGChunks.notes.first(where: { $0.scale == scale })?.chunk else { return encoded }
    let headerEnd = pngSignature.count + 25
    return encoded[..<headerEnd] + note + encoded[headerEnd...]
}

/// The library's fixed text for what went wrong.
private func message(of image: UnsafeMutablePointer<png_image>) -> String {
    unsafe withUnsafeBytes(of: image.pointee.message) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
