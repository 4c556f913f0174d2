/// Height, width and channels of the images that a model knows or a data set holds.
public struct EventShape: Sendable, Codable, Hashable, CustomStringConvertible {
    /// Rows of pixels.
    public var height: Int
    /// Pixels in a row.
    public var width: Int
    /// Values of a pixel: 1 in grey images, 3 in colour.
    public var channels: Int

    public init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// Height, width and channels, such as `28x28x1`: the one form in which shapes are printed.
    public var description: String { "\(height)x\(width)x\(channels)" }

    /// Number of dimensions `D`, one for each channel of each pixel.
    public var dims: Int { height * width * channels }
}
