/// Image with lines of text below it.
public struct CaptionedImage: Sendable {
    public var image: Image
    /// Lines below the image; of a longer one the end is shown, behind two points.
    public var captions: [String]

    public init(image: Image, captions: [String]) {
        self.image = image
        self.captions = captions
    }
}

/// Letters of a line below the narrowest image.
private let leastLetters = 14
/// Width to which images are enlarged, in whole steps, unless they are as wide: that of a line.
private let leastWidth = leastLetters * 2 * BitmapFont.advance

/// Sheet of images with captions, row by row, under a title, drawn on white.
///
/// - Precondition: one image at least, and all of one size.
/// - Parameter width: about the width of the sheet, in pixels; one image is as wide as it must be.
public func captionedSheet(title: String, _ images: [CaptionedImage], width: Int = 960) -> Image {
    precondition(!images.isEmpty && width > 0)
    let first = images[0].image
    precondition(images.allSatisfy { ($0.image.width, $0.image.height) == (first.width, first.height) })
    let scale = max(1, leastWidth / first.width)
    let letters = max(leastLetters, (first.width * scale + 2) / (2 * BitmapFont.advance))
    let (cellWidth, gap, margin, lineHeight) = (letters * 2 * BitmapFont.advance, 20, 20, 20)
    let cellHeight = first.height * scale + 8 + (images.map(\.captions.count).max() ?? 0) * lineHeight
    let columns = min(images.count, max(1, (width - 2 * margin + gap) / (cellWidth + gap)))
    let rows = (images.count + columns - 1) / columns
    let titleScale = 3
    var canvas = Canvas(
        width: max(
            2 * margin + columns * (cellWidth + gap) - gap, 2 * margin + BitmapFont.width(of: title, scale: titleScale)),
        height: 60 + rows * (cellHeight + gap))
    canvas.text(title, x: margin, y: 18, scale: titleScale)
    for (index, item) in images.enumerated() {
        let left = margin + index % columns * (cellWidth + gap)
        let top = 60 + index / columns * (cellHeight + gap)
        let image = item.image.enlarged(by: scale).converted(to: .rgb)
        // a line around it, or white images would have no border
        canvas.fill(.axis, x: left..<left + image.width + 2, y: top..<top + image.height + 2)
        canvas.paste(image, x: left + 1, y: top + 1)
        for (line, caption) in item.captions.enumerated() {
            let text = caption.count <= letters ? caption : ".." + caption.suffix(letters - 2)
            canvas.text(text, x: left, y: top + image.height + 10 + line * lineHeight, scale: 2)
        }
    }
    return canvas.image
}

/// Sheet of `images`, one under the other, with `gap` white pixels between them and their left edges in line; all become rgb.
/// - Precondition: one image at least.
public func stacked(_ images: [Image], gap: Int = 16) -> Image {
    precondition(!images.isEmpty && gap >= 0)
    var sheet = Image(
        filled: 255, width: images.map(\.width).max()!,
        height: images.map(\.height).reduce(0, +) + gap * (images.count - 1), mode: .rgb)
    var top = 0
    for image in images {
        sheet.paste(image.converted(to: .rgb), x: 0, y: top)
        top += image.height + gap
    }
    return sheet
}
