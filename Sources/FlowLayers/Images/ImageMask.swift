/// Which dimensions of an image a map transforms, and what their parameters may depend on.
public enum ImageMask: Sendable, Equatable {
    /// One half of the channels given the other: the first half is the key, or the second.
    case channels(keyIsFirst: Bool)
    /// Every pixel given those before it, row by row; its channels are independent given these.
    case causal(reversed: Bool)
}

/// Height, width and channels of the image in the first dimensions of an event, `[height, width, channels]`; what follows
/// them has left the flow at an earlier scale.
public struct ImageLayout: Sendable, Equatable {
    public var height: Int
    public var width: Int
    public var channels: Int

    public init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    public var dims: Int { height * width * channels }
    var pixels: Int { height * width }
}
