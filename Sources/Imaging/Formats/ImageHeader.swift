/// Size of an encoded image and the number of times that decoding goes over it, read from its headers alone.
public struct ImageHeader: Sendable, Equatable {
    public let format: ImageFormat
    /// Width in pixels, as the picture is shown.
    public let width: Int
    /// Height in pixels, as the picture is shown.
    public let height: Int
    /// Scans of a JPEG, counted by their SOS markers; passes of a PNG, 7 when it is interlaced; 1 of a WebP.
    public let scans: Int
    /// How the stored picture is to be shown.
    package let orientation: Orientation
    /// What values of the picture mean where the file tells: fractions of 255 in lossy formats, which keep no level; in a PNG what
    /// ``encodePNG(_:scale:)`` noted. Nil where values tell it alone.
    package let valueScale: ValueScale?

    /// Width and height of the picture as it is stored.
    var storedSize: (width: Int, height: Int) { orientation.swapsAxes ? (height, width) : (width, height) }

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

    /// A header of a picture that is stored with `width` and `height`.
    init(
        format: ImageFormat, width: Int, height: Int, scans: Int, orientation: Orientation, valueScale: ValueScale?
    ) {
        self.valueScale = valueScale
        self.format = format
        (self.width, self.height) = orientation.swapsAxes ? (height, width) : (width, height)
        self.scans = scans
        self.orientation = orientation
    }

    /// Reads the header of a file, and looks through it for its markers or chunks; nothing is decoded, and nothing is allocated.
    ///
    /// A file that goes wrong after its header has one all the same.
    /// - Throws: ``ImagingError/unknownFormat(_:)``, ``ImagingError/damaged(format:reason:)`` when there is no size to find,
    ///   ``ImagingError/unsupported(format:feature:)`` for an animated WebP.
    /// - Complexity: O(length), less than a millisecond for 8 MiB of a JPEG.
    public init(of bytes: ArraySlice<UInt8>) throws(ImagingError) {
        switch imageFormat(of: bytes) {
        case .png: self = try Self.png(bytes)
        case .jpeg: self = try Self.jpeg(bytes)
        case .webp: self = try Self.webp(bytes)
        case nil: throw .unknownFormat(fileKind(of: bytes))
        }
    }
}
