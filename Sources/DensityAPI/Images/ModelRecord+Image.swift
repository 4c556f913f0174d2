import FlowCore
package import FlowModels
package import Imaging

extension ModelRecord {
    /// Picture of an image of the model, to be looked at: its levels spread over 0 ... 255 (``SpreadLevels``).
    package func picture(of pixels: [UInt8]) -> Image {
        let mode = ColorMode(channels: eventShape.channels)!  // 1 to 4, by the file's validation
        return Image(
            width: eventShape.width, height: eventShape.height, mode: mode,
            pixels: levels == 256 ? pixels : SpreadLevels(levels).spread(pixels))
    }
}
