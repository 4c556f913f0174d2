/// Way in which an image of another shape is brought to a given size.
public enum ImageFit: String, Sendable, CaseIterable {
    /// All of the image, centred, the rest of the colour of the background.
    case contain
    /// The middle of the image, so that nothing is left empty.
    case cover
    /// All of the image, each axis scaled by itself.
    case stretch
}

extension Image {
    /// The image resampled to `width` × `height` pixels, both positive.
    ///
    /// Each axis by itself: shrinking averages over the area that an output pixel covers (box filter, partly covered
    /// pixels in proportion; Fant, *A Nonaliasing, Real-Time Spatial Transform Technique*, IEEE CG&A 6(1), 1986),
    /// growing interpolates linearly between pixel centres. An axis that keeps its size keeps its values exactly.
    /// Values are rounded once, at the end. Channels are filtered separately: take alpha out first
    /// (``converted(to:background:)``), or the colour of transparent pixels bleeds.
    /// - Parameter padding: pixel that fills what ``ImageFit/contain`` leaves empty, a value a channel.
    public func fitted(width: Int, height: Int, fit: ImageFit, padding: [UInt8]) -> Image {
        fitted(width: width, height: height, fit: fit, padding: padding) {}
    }

    /// The same, with a call of `check` before each row of pixels that is read.
    /// - Throws: what `check` throws.
    package func fitted<Stop: Error>(
        width: Int, height: Int, fit: ImageFit, padding: [UInt8], check: () throws(Stop) -> Void
    ) throws(Stop) -> Image {
        precondition(width > 0 && height > 0 && padding.count == mode.channels)
        let (sourceWidth, sourceHeight) = (Double(self.width), Double(self.height))
        let (scaleX, scaleY) = (Double(width) / sourceWidth, Double(height) / sourceHeight)
        switch fit {
        case .stretch:
            return try resampled(
                x: Axis(from: 0, span: sourceWidth, source: self.width, count: width),
                y: Axis(from: 0, span: sourceHeight, source: self.height, count: height), check)
        case .cover:
            let scale = max(scaleX, scaleY)
            let (spanX, spanY) = (min(sourceWidth, Double(width) / scale), min(sourceHeight, Double(height) / scale))
            return try resampled(
                x: Axis(from: (sourceWidth - spanX) / 2, span: spanX, source: self.width, count: width),
                y: Axis(from: (sourceHeight - spanY) / 2, span: spanY, source: self.height, count: height), check)
        case .contain:
            let scale = min(scaleX, scaleY)
            let innerWidth = min(width, max(1, Int((sourceWidth * scale).rounded())))
            let innerHeight = min(height, max(1, Int((sourceHeight * scale).rounded())))
            let inner = try fitted(
                width: innerWidth, height: innerHeight, fit: .stretch, padding: padding, check: check)
            var canvas = Image(
                width: width, height: height, mode: mode,
                pixels: Array(repeatElement(padding, count: width * height).joined()))
            canvas.paste(inner, x: (width - innerWidth) / 2, y: (height - innerHeight) / 2)
            return canvas
        }
    }

    /// Copies `other`, of the same mode, with its upper left corner at (`x`, `y`); it must lie inside.
    mutating func paste(_ other: Image, x: Int, y: Int) {
        precondition(other.mode == mode && x >= 0 && y >= 0 && x + other.width <= width && y + other.height <= height)
        let length = other.width * mode.channels
        for row in 0..<other.height {
            let start = ((y + row) * width + x) * mode.channels
            pixels.replaceSubrange(start..<start + length, with: other.pixels[row * length..<(row + 1) * length])
        }
    }

    private func resampled<Stop: Error>(x: Axis, y: Axis, _ check: () throws(Stop) -> Void) throws(Stop) -> Image {
        let channels = mode.channels
        // Columns first: rows that are not needed are not touched.
        var columns = [Float](repeating: 0, count: height * x.count * channels)
        for row in y.rows {
            try check()
            for column in 0..<x.count {
                for channel in 0..<channels {
                    var sum: Float = 0
                    for (index, weight) in x.taps(column) {
                        sum += weight * Float(pixels[(row * width + index) * channels + channel])
                    }
                    columns[(row * x.count + column) * channels + channel] = sum
                }
            }
        }
        var result: [UInt8] = []
        let length = x.count * channels
        result.reserveCapacity(y.count * length)
        for row in 0..<y.count {
            for column in 0..<length {
                var sum: Float = 0
                for (index, weight) in y.taps(row) { sum += weight * columns[index * length + column] }
                result.append(UInt8(min(255, max(0, sum.rounded()))))
            }
        }
        return Image(width: x.count, height: y.count, mode: mode, pixels: result)
    }
}

/// Source pixels that make each output pixel of one axis, with their weights, which sum to 1.
private struct Axis {
    let count: Int
    private var first: [Int] = []
    private var weights: [[Float]] = []

    /// Taps of `count` output pixels that divide the interval from `from`, `span` long, of an axis of `source` pixels.
    init(from: Double, span: Double, source: Int, count: Int) {
        self.count = count
        let step = span / Double(count)
        for index in 0..<count {
            let low = from + Double(index) * step
            if step >= 1 {
                let high = min(Double(source), low + step)
                let start = min(source - 1, Int(low))
                let end = max(start + 1, min(source, Int(high.rounded(.up))))
                let covered = (start..<end).map { max(0, min(high, Double($0 + 1)) - max(low, Double($0))) }
                append(start, covered)
            } else {
                let center = min(Double(source) - 1, max(0, low + step / 2 - 0.5))
                let start = Int(center)
                let part = center - Double(start)
                append(start, part > 0 ? [1 - part, part] : [1])
            }
        }
    }

    private mutating func append(_ start: Int, _ parts: [Double]) {
        let sum = parts.reduce(0, +)
        first.append(start)
        weights.append(parts.map { Float($0 / sum) })
    }

    /// All source pixels that are used.
    var rows: Range<Int> { first[0]..<first[count - 1] + weights[count - 1].count }

    func taps(_ index: Int) -> Zip2Sequence<Range<Int>, [Float]> {
        zip(first[index]..<first[index] + weights[index].count, weights[index])
    }
}
