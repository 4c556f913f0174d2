/// The gray that separates images on a sheet: told apart from both black and white backgrounds.
private let gapValue: UInt8 = 96

/// Sheet of `images` row by row, each pixel enlarged to `scale` × `scale` pixels, with `gap` gray pixels around each image.
///
/// - Precondition: one image at least, and all of one size and mode.
/// - Parameter columns: nil for as many as make the sheet about square.
public func contactSheet(_ images: [Image], columns: Int? = nil, scale: Int = 1, gap: Int = 2) -> Image {
    precondition(!images.isEmpty && scale > 0 && gap >= 0)
    let (width, height, mode) = (images[0].width, images[0].height, images[0].mode)
    precondition(images.allSatisfy { $0.width == width && $0.height == height && $0.mode == mode })
    let columns = columns ?? Int(Double(images.count).squareRoot().rounded(.up))
    precondition(columns > 0)
    let rows = (images.count + columns - 1) / columns
    var sheet = Image(
        filled: gapValue, width: gap + columns * (width * scale + gap), height: gap + rows * (height * scale + gap),
        mode: mode)
    for (index, image) in images.enumerated() {
        sheet.paste(
            image.enlarged(by: scale), x: gap + index % columns * (width * scale + gap),
            y: gap + index / columns * (height * scale + gap))
    }
    return sheet
}

/// Whole factor by which images of a sheet are enlarged so that one can see them: of small ones so that the longer side has about 64
/// pixels.
public func sheetScale(height: Int, width: Int) -> Int { max(1, 64 / max(height, width)) }

/// Sheet of `left` and `right`, with `gap` white pixels between them and their upper edges in line; images of two modes
/// become rgb.
public func beside(_ left: Image, _ right: Image, gap: Int = 16) -> Image {
    precondition(gap >= 0)
    let mode = left.mode == right.mode ? left.mode : .rgb
    let (left, right) = (left.converted(to: mode), right.converted(to: mode))
    var sheet = Image(
        filled: 255, width: left.width + gap + right.width, height: max(left.height, right.height), mode: mode)
    sheet.paste(left, x: 0, y: 0)
    sheet.paste(right, x: left.width + gap, y: 0)
    return sheet
}

extension Image {
    /// An image of `value` in every channel but alpha, which is opaque.
    init(filled value: UInt8, width: Int, height: Int, mode: ColorMode) {
        var pixels = [UInt8](repeating: value, count: width * height * mode.channels)
        if mode == .grayAlpha || mode == .rgba {
            for index in stride(from: mode.channels - 1, to: pixels.count, by: mode.channels) { pixels[index] = 255 }
        }
        self.init(width: width, height: height, mode: mode, pixels: pixels)
    }

    /// The image with each pixel repeated to `factor` × `factor` pixels.
    func enlarged(by factor: Int) -> Image {
        if factor == 1 { return self }
        let channels = mode.channels
        var result: [UInt8] = []
        result.reserveCapacity(pixels.count * factor * factor)
        for row in 0..<height {
            var line: [UInt8] = []
            for column in 0..<width {
                let pixel = pixels[(row * width + column) * channels..<(row * width + column + 1) * channels]
                for _ in 0..<factor { line += pixel }
            }
            for _ in 0..<factor { result += line }
        }
        return Image(width: width * factor, height: height * factor, mode: mode, pixels: result)
    }
}
