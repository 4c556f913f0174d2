/// Layout of an image in a buffer of a convolutional network: rows of `pitch` pixels with a border of `pad` pixels on every side,
/// which is zero, so that a convolution needs no case for the edges. The border at the end of a row is that at the beginning of
/// the next.
package struct ImageGrid: Sendable, Equatable {
    /// Rows of pixels, without the border.
    package let height: Int
    /// Pixels in a row, without the border.
    package let width: Int
    /// Pixels of the border on each side.
    package let pad: Int

    package init(height: Int, width: Int, pad: Int) {
        precondition(height > 0 && width > 0 && pad >= 0)
        self.height = height
        self.width = width
        self.pad = pad
    }

    /// Pixels from one row to the next.
    package var pitch: Int { width + pad }
    /// Pixels of a buffer, the border included.
    package var pixels: Int { (height + 2 * pad) * pitch + pad }
    /// Place of the image's first pixel.
    package var origin: Int { pad * pitch + pad }
    /// Pixels from the image's first to its last, with the border between rows.
    package var span: Int { (height - 1) * pitch + width }

    /// Returns the place of pixel `index`, counted row by row without the border.
    package func place(of index: Int) -> Int { origin + index / width * pitch + index % width }
}
