import FlowCore
import FlowModels
import Imaging

extension ModelRecord {
    /// Picture of an image of the model, its levels spread over 0 ... 255.
    func picture(of pixels: [UInt8]) -> Image {
        let mode = ColorMode(channels: eventShape.channels)!  // 1 to 4, by the file's validation
        let top = levels - 1
        return Image(
            width: eventShape.width, height: eventShape.height, mode: mode,
            pixels: pixels.map { UInt8((Int($0) * 255 + top / 2) / top) })
    }
}
