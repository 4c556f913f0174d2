/// Height, width and channels of the images that a model knows or a data set holds.
public struct EventShape: Sendable, Codable, Equatable, CustomStringConvertible {
    public var height: Int
    public var width: Int
    public var channels: Int

    public init(height: Int, width: Int, channels: Int) {
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// Height, width and channels, such as `28x28x1`: the one form in which shapes are printed.
    public var description: String { "\(height)x\(width)x\(channels)" }

    /// `D`, the number of dimensions.
    public var dims: Int { height * width * channels }
}
