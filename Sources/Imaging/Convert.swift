extension Image {
    /// The picture in the channels of `mode`.
    ///
    /// Colour to gray is the luma of ITU-R BT.601, `0.299 R + 0.587 G + 0.114 B`, rounded. Alpha that `mode` lacks is
    /// taken out by compositing on black; alpha that it adds is opaque. The result is no longer flagged as 16-bit.
    public func converted(to mode: ColorMode) -> Image { converted(to: mode) {} }

    /// The same, with a call of `check` before each row.
    /// - Throws: what `check` throws.
    package func converted<Stop: Error>(
        to mode: ColorMode, check: () throws(Stop) -> Void
    ) throws(Stop) -> Image {
        let hasColor = self.mode == .rgb || self.mode == .rgba
        let hasAlpha = self.mode == .grayAlpha || self.mode == .rgba
        let wantsColor = mode == .rgb || mode == .rgba
        let wantsAlpha = mode == .grayAlpha || mode == .rgba
        if mode == self.mode && !isReducedFrom16Bit { return self }

        var result: [UInt8] = []
        result.reserveCapacity(width * height * mode.channels)
        let stride = self.mode.channels
        for offset in Swift.stride(from: 0, to: pixels.count, by: stride) {
            if offset % (width * stride) == 0 { try check() }
            let alpha = hasAlpha ? Int(pixels[offset + stride - 1]) : 255
            var color =
                hasColor
                ? SIMD3(Int(pixels[offset]), Int(pixels[offset + 1]), Int(pixels[offset + 2]))
                : SIMD3(repeating: Int(pixels[offset]))
            if !wantsAlpha && alpha != 255 { color = (color &* alpha &+ 127) / 255 }
            if wantsColor {
                result.append(UInt8(color.x))
                result.append(UInt8(color.y))
                result.append(UInt8(color.z))
            } else if hasColor {
                result.append(UInt8((299 * color.x + 587 * color.y + 114 * color.z + 500) / 1000))
            } else {
                result.append(UInt8(color.x))
            }
            if wantsAlpha { result.append(UInt8(alpha)) }
        }
        return Image(width: width, height: height, mode: mode, pixels: result)
    }
}
