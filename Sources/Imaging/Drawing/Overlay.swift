extension Image {
    /// The image in gray, and beside it the same with `strength` of each pixel in red, both enlarged.
    ///
    /// - Parameters:
    ///   - strength: from 0, nothing, to 1, all red; `[height, width]`, row-major.
    ///   - scale: pixels of each pixel's side.
    /// - Precondition: a strength for each pixel, and a positive scale.
    public func overlaid(strength: [Double], scale: Int) -> Image {
        precondition(strength.count == width * height && scale > 0)
        let gap = max(1, scale / 2)
        var canvas = Canvas(width: (2 * width) * scale + gap, height: height * scale)
        let channels = mode.channels
        for y in 0..<height {
            for x in 0..<width {
                let first = (y * width + x) * channels
                // alpha is no colour
                let colors = channels > 2 ? 3 : 1
                let gray = (0..<colors).reduce(0) { $0 + Int(pixels[first + $1]) } / colors
                let color = Color(red: UInt8(gray), green: UInt8(gray), blue: UInt8(gray))
                let rows = y * scale..<(y + 1) * scale
                canvas.fill(color, x: x * scale..<(x + 1) * scale, y: rows)
                let left = (width + x) * scale + gap
                canvas.fill(color, x: left..<left + scale, y: rows)
                let part = Float(min(1, max(0, strength[y * width + x])))
                for row in rows {
                    for column in left..<left + scale { canvas.blend(.alarm, x: column, y: row, coverage: part) }
                }
            }
        }
        return canvas.image
    }
}
