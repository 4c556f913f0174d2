/// Mask of a map of images: the dimensions that it transforms, and those that their parameters may depend on.
public enum ImageMask: Sendable, Equatable {
    /// A coupling, one half of the channels given the other: the first half is the key, or the second.
    case channels(keyIsFirst: Bool)
    /// An autoregressive map, every pixel given those before it, row by row; its channels are independent given these, unless they are predicted.
    case causal(reversed: Bool)
}

/// Height, width and channels of the image in the first dimensions of an event, `[height, width, channels]`; what follows
/// them has left the flow at an earlier scale.
public struct ImageLayout: Sendable, Equatable {
    /// Rows of pixels.
    public var height: Int
    /// Pixels in a row.
    public var width: Int
    /// Values of a pixel.
    public var channels: Int

    public init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// Number of dimensions of the image, which an event may exceed.
    public var dims: Int { height * width * channels }
    /// Number of pixels.
    var pixels: Int { height * width }
}
