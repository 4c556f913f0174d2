internal import CPNG

/// Decodes a PNG of any kind but interlaced with 16 bits.
///
/// Values are those stored in the file: colour-space chunks such as gAMA do not change them. Gray of 1, 2 or 4 bits is
/// spread over 0...255, palettes become rgb, tRNS becomes an alpha channel, and 16 bits are rounded to 8 and flagged.
/// - Throws: ``ImagingError``. A warning of the library is an error here, so an image is never partly decoded.
public func decodePNG(_ bytes: [UInt8], limits: DecodeLimits = DecodeLimits()) throws(ImagingError) -> Image {
    let chunks = try PNGChunks(bytes)
    try limits.check(width: chunks.width, height: chunks.height)
    // png_image wrote such files past its buffer when asked for 8 bits (CVE-2025-65018); with Debian's fix in 1.6.39 it
    // stays inside, but most pixels are wrong.
    if chunks.bitDepth == 16 && chunks.isInterlaced {
        throw .unsupported(format: .png, feature: "interlaced 16-bit values")
    }

    // libpng keeps a pointer back to this struct, so it must not move.
    let image = UnsafeMutablePointer<png_image>.allocate(capacity: 1)
    unsafe image.initialize(to: png_image())
    defer {
        unsafe png_image_free(image)
        unsafe image.deallocate()
    }
    unsafe image.pointee.version = png_uint_32(PNG_IMAGE_VERSION)

    var mode = ColorMode.gray
    var pixels: [UInt8] = []
    let succeeded = unsafe chunks.plain.withUnsafeBytes { source in
        guard unsafe png_image_begin_read_from_memory(image, source.baseAddress, source.count) != 0 else {
            return false
        }
        let found = unsafe image.pointee.format
        mode =
            switch (found & PNG_FORMAT_FLAG_COLOR != 0, found & PNG_FORMAT_FLAG_ALPHA != 0) {
            case (false, false): .gray
            case (false, true): .grayAlpha
            case (true, false): .rgb
            case (true, true): .rgba
            }
        // The file's channels, 8 bits each; 16-bit values are taken as they are, not as linear light.
        unsafe image.pointee.format = found & (PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
        unsafe image.pointee.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
        pixels = [UInt8](repeating: 0, count: chunks.width * chunks.height * mode.channels)
        return unsafe pixels.withUnsafeMutableBytes { target in
            unsafe png_image_finish_read(image, nil, target.baseAddress, 0, nil) != 0
        }
    }
    guard unsafe succeeded && image.pointee.warning_or_error == 0 else {
        throw .damaged(format: .png, reason: unsafe message(of: image))
    }
    return Image(
        width: chunks.width, height: chunks.height, mode: mode, pixels: pixels,
        isReducedFrom16Bit: chunks.bitDepth == 16)
}

/// Encodes `image` with 8 bits a channel; decoding gives back the same pixels.
/// - Throws: ``ImagingError/notEncodable(format:reason:)`` when it is larger than the library can write.
public func encodePNG(_ image: Image) throws(ImagingError) -> [UInt8] {
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
    return encoded
}

/// The library's fixed text for what went wrong.
private func message(of image: UnsafeMutablePointer<png_image>) -> String {
    unsafe withUnsafeBytes(of: image.pointee.message) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
