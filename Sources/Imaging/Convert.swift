extension Image {
    /// The picture in the channels of `mode`.
    ///
    /// Alpha that `mode` lacks is taken out by composing on `background`: `(c · a + b · (255 − a)) / 255` a channel, rounded. Then colour to
    /// gray is the luma of ITU-R BT.601 in fixed point, `(19595 R + 38470 G + 7471 B + 32768) >> 16`. Both are what Pillow computes
    /// (`Image.paste` with a mask, `convert("L")`). Alpha that `mode` adds is opaque. The result is no longer flagged as 16-bit.
    /// - Parameter opaque: alpha of what nothing shines through, in place of 255 above, where values are levels and not 0 ... 255.
    public func converted(to mode: ColorMode, background: Background = .white, opaque: UInt8 = 255) -> Image {
        converted(to: mode, background: background, opaque: opaque) {}
    }

    /// The same, with a call of `check` before each row.
    /// - Throws: what `check` throws.
    package func converted<Stop: Error>(
        to mode: ColorMode, background: Background = .white, opaque: UInt8 = 255, check: () throws(Stop) -> Void
    ) throws(Stop) -> Image {
        precondition(opaque > 0)
        let opaque = Int(opaque)
        let hasColor = self.mode == .rgb || self.mode == .rgba
        let hasAlpha = self.mode == .grayAlpha || self.mode == .rgba
        let wantsColor = mode == .rgb || mode == .rgba
        let wantsAlpha = mode == .grayAlpha || mode == .rgba
        if mode == self.mode && !isReducedFrom16Bit { return self }

        let ground = SIMD3(Int(background.red), Int(background.green), Int(background.blue))
        var result: [UInt8] = []
        result.reserveCapacity(width * height * mode.channels)
        let stride = self.mode.channels
        for offset in Swift.stride(from: 0, to: pixels.count, by: stride) {
            if offset % (width * stride) == 0 { try check() }
            let alpha = hasAlpha ? min(opaque, Int(pixels[offset + stride - 1])) : opaque
            var color =
                hasColor
                ? SIMD3(Int(pixels[offset]), Int(pixels[offset + 1]), Int(pixels[offset + 2]))
                : SIMD3(repeating: Int(pixels[offset]))
            if !wantsAlpha && alpha != opaque {
                color = (color &* alpha &+ ground &* (opaque - alpha) &+ opaque / 2) / opaque
            }
            if wantsColor {
                result.append(UInt8(color.x))
                result.append(UInt8(color.y))
                result.append(UInt8(color.z))
            } else {
                result.append(luma(color))
            }
            if wantsAlpha { result.append(UInt8(alpha)) }
        }
        return Image(width: width, height: height, mode: mode, pixels: result)
    }
}

/// Luma of red, green and blue (ITU-R BT.601) in fixed point. The weights sum to 2¹⁶, so a gray pixel keeps its value.
func luma(_ color: SIMD3<Int>) -> UInt8 {
    UInt8((19_595 * color.x + 38_470 * color.y + 7471 * color.z + 32_768) >> 16)
}
