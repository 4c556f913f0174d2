/// Bounds of an image that is decoded, checked against its header before anything is allocated.
public struct DecodeLimits: Sendable, Equatable {
    /// Largest width and largest height, in pixels.
    public var side: Int
    /// Most pixels, width times height. One takes up to 4 bytes decoded, of a progressive JPEG 8 more while it is read, of a lossless WebP
    /// 4 more, and 4 more where the picture is turned.
    public var pixels: Int
    /// Most scans of a JPEG: each of a progressive one may change every pixel, and takes few bytes. Encoders write ten or
    /// fewer of their own accord.
    public var scans: Int
    /// Most pixels times scans (``ImageHeader/scannedPixels``).
    public var scannedPixels: Int

    /// The defaults admit any camera of 16 megapixels.
    public init(side: Int = 16_384, pixels: Int = 4096 * 4096, scans: Int = 500, scannedPixels: Int = .max) {
        self.side = side
        self.pixels = pixels
        self.scans = scans
        self.scannedPixels = scannedPixels
    }

    /// Checks what a header says.
    /// - Throws: ``ImagingError/tooLarge(quantity:value:limit:)``.
    public func check(_ header: ImageHeader) throws(ImagingError) {
        func check(_ quantity: String, _ value: Int, _ limit: Int) throws(ImagingError) {
            if value > limit { throw .tooLarge(quantity: quantity, value: value, limit: limit) }
        }
        try check("width", header.width, side)
        try check("height", header.height, side)
        try check("pixels", header.pixels, pixels)
        if header.format == .jpeg { try check("scans", header.scans, scans) }
        try check("pixels times scans", header.scannedPixels, scannedPixels)
    }
}

/// The format that the first bytes announce; nil when it is none that can be read.
public func imageFormat(of bytes: some Sequence<UInt8>) -> ImageFormat? {
    if bytes.starts(with: pngSignature) { return .png }
    if bytes.starts(with: [0xff, 0xd8, 0xff]) { return .jpeg }
    if bytes.starts(with: webpSignature.riff), bytes.dropFirst(8).starts(with: webpSignature.webp) { return .webp }
    return nil
}

/// Decodes an image of any ``ImageFormat``; the first bytes tell which.
/// - Parameter isStopped: asked every few milliseconds, on this thread; true ends the work with ``ImagingError/stopped``.
/// - Throws: ``ImagingError``; never returns part of an image.
public func decodeImage(
    _ bytes: [UInt8], limits: DecodeLimits = DecodeLimits(), isStopped: @escaping () -> Bool = { false }
) throws(ImagingError) -> Image {
    if isStopped() { throw .stopped }
    return switch imageFormat(of: bytes) {
    case .png: try decodePNG(bytes, limits: limits, isStopped: isStopped)
    case .jpeg: try decodeJPEG(bytes, limits: limits, isStopped: isStopped)
    case .webp: try decodeWebP(bytes, limits: limits, isStopped: isStopped)
    case nil: throw .unknownFormat(fileKind(of: bytes))
    }
}
