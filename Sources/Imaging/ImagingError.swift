/// A file format of images that can be read.
public enum ImageFormat: String, Sendable, CaseIterable {
    case png = "PNG"
    case jpeg = "JPEG"
    case webp = "WebP"

    /// Names of all formats as a choice, for messages.
    public static var choice: String {
        let names = allCases.map(\.rawValue)
        return names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
    }

    /// Endings of the names of its files, in lower case.
    public var fileSuffixes: [String] {
        switch self {
        case .png: [".png"]
        case .jpeg: [".jpg", ".jpeg", ".jpe", ".jfif"]
        case .webp: [".webp"]
        }
    }
}

/// Reason why an image or an array could not be read or written.
public enum ImagingError: Error, Equatable, Sendable {
    /// The bytes begin with the signature of no ``ImageFormat``; they are a file of the kind, where that is known.
    case unknownFormat(FileKind?)
    /// `quantity` ("width", "height", "pixels", "scans", "pixels times scans", "header bytes", "dimensions") is `value`; at most `limit` is read.
    case tooLarge(quantity: String, value: Int, limit: Int)
    /// The file is cut off or contradicts itself; `reason` is a fixed text of the format's library or ours.
    case damaged(format: ImageFormat, reason: String)
    /// The file is sound but uses a `feature` that is not read, such as "lossless compression".
    case unsupported(format: ImageFormat, feature: String)
    /// An image that the library could not write.
    case notEncodable(format: ImageFormat, reason: String)
    /// Whoever asked for the image wants it no more.
    case stopped
    /// A `field` of an NPY file: "magic", "version", "header", "descr", "fortran_order", "shape", "data".
    case invalidNPY(field: String, expected: String, found: String)
}
