/// Bounds of an image that is decoded, checked against its header before anything is allocated.
public struct DecodeLimits: Sendable, Equatable {
    /// Largest width and largest height, in pixels.
    public var side: Int
    /// Most pixels, width times height. One takes up to 4 bytes decoded, of a progressive JPEG 6 more while it is read.
    public var pixels: Int

    /// The defaults admit any camera of 16 megapixels.
    public init(side: Int = 16_384, pixels: Int = 4096 * 4096) {
        self.side = side
        self.pixels = pixels
    }

    /// - Throws: ``ImagingError/tooLarge(quantity:value:limit:)``.
    func check(width: Int, height: Int) throws(ImagingError) {
        if width > side { throw .tooLarge(quantity: "width", value: width, limit: side) }
        if height > side { throw .tooLarge(quantity: "height", value: height, limit: side) }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        if overflow || count > pixels {
            throw .tooLarge(quantity: "pixels", value: overflow ? .max : count, limit: pixels)
        }
    }
}

/// The format that the first bytes announce; nil when it is none that can be read.
public func imageFormat(of bytes: [UInt8]) -> ImageFormat? {
    if bytes.starts(with: pngSignature) { return .png }
    if bytes.starts(with: [0xff, 0xd8, 0xff]) { return .jpeg }
    return nil
}

/// Decodes a PNG or a JPEG; the first bytes tell which.
/// - Throws: ``ImagingError``; never returns part of an image.
public func decodeImage(_ bytes: [UInt8], limits: DecodeLimits = DecodeLimits()) throws(ImagingError) -> Image {
    switch imageFormat(of: bytes) {
    case .png: try decodePNG(bytes, limits: limits)
    case .jpeg: try decodeJPEG(bytes, limits: limits)
    case nil: throw .unknownFormat
    }
}
