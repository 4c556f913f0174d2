/// Channels of a pixel, in their order.
public enum ColorMode: String, Sendable, CaseIterable {
    case gray
    case grayAlpha = "gray+alpha"
    case rgb
    case rgba

    /// Number of values a pixel.
    public var channels: Int {
        switch self {
        case .gray: 1
        case .grayAlpha: 2
        case .rgb: 3
        case .rgba: 4
        }
    }

    /// Mode with so many values a pixel; nil when none has.
    public init?(channels: Int) {
        guard let mode = Self.allCases.first(where: { $0.channels == channels }) else { return nil }
        self = mode
    }
}

/// An 8-bit image, row-major `[height, width, channels]`.
public struct Image: Sendable, Equatable {
    /// Width in pixels.
    public let width: Int
    /// Height in pixels.
    public let height: Int
    /// Channels of every pixel.
    public let mode: ColorMode
    /// Values of all pixels, `height * width * mode.channels` of them.
    public var pixels: [UInt8]
    /// Whether the file had 16 bits a channel, and `pixels` are those values rounded to 8.
    public let isReducedFrom16Bit: Bool

    /// - Precondition: `width` and `height` are positive, and `pixels` has `height * width * mode.channels` values.
    public init(width: Int, height: Int, mode: ColorMode, pixels: [UInt8], isReducedFrom16Bit: Bool = false) {
        precondition(width > 0 && height > 0 && pixels.count == width * height * mode.channels)
        self.isReducedFrom16Bit = isReducedFrom16Bit
        self.width = width
        self.height = height
        self.mode = mode
        self.pixels = pixels
    }
}
