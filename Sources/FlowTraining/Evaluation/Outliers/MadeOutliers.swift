public import DataSets
import FlowCore
import Glibc

/// Outliers that are made of images like the learned ones: each kind destroys something that they have in common.
public enum MadeOutliers: String, Sendable, CaseIterable {
    case inverted
    case upsideDown = "upside_down"
    /// A quarter turn to the left; of square images only.
    case turned
    /// Moved down and to the right by a fifth of the sides, what leaves coming in on the other side.
    case rolled
    /// Gaussian blur of a radius of 1.2 pixels.
    case blurred
    /// Sixteen blocks in random order.
    case shuffled
    /// Every value uniform and independent.
    case noise
    /// One random value everywhere.
    case constant
    /// Left half of one image, right half of the next.
    case joined

    /// Outliers of this kind made of `data`; nil where that cannot be, as of a turned oblong.
    /// - Parameter seed: of what is random.
    /// - Throws: ``DataError/unreadable(file:reason:)``.
    public func outliers(of data: ImageDataSet, seed: UInt64) throws(DataError) -> ImageDataSet? {
        let images = try (0..<data.count).map { index throws(DataError) in try data[index] }
        return make(images, data.shape, levels: data.levels, seed: seed).map {
            ImageDataSet(shape: data.shape, levels: data.levels, pixels: $0.flatMap(\.self))
        }
    }

    /// Makes outliers of images of `shape` with `levels`.
    private func make(_ images: [[UInt8]], _ shape: EventShape, levels: Int, seed: UInt64) -> [[UInt8]]? {
        if self == .turned, shape.height != shape.width { return nil }
        if self == .shuffled, shape.height < 4 || shape.width < 4 { return nil }
        return images.indices.map { i in
            var random = RandomStream(seed: seed, stream: UInt64(i))
            return make(images[i], next: images[(i + 1) % images.count], shape, levels, &random)
        }
    }

    private func make(
        _ image: [UInt8], next: [UInt8], _ shape: EventShape, _ levels: Int, _ random: inout RandomStream
    ) -> [UInt8] {
        let (height, width) = (shape.height, shape.width)
        /// Image whose pixel at row `y` and column `x` is that of `image` at the place that `place` says.
        func moved(_ place: (Int, Int) -> (Int, Int)) -> [UInt8] {
            gathered(shape) { y, x, c in
                let (row, column) = place(y, x)
                return image[(row * width + column) * shape.channels + c]
            }
        }
        switch self {
        case .inverted: return image.map { UInt8(levels - 1 - Int($0)) }
        case .upsideDown: return moved { (height - 1 - $0, $1) }
        case .turned: return moved { ($1, width - 1 - $0) }
        case .rolled:
            let (down, right) = (max(1, height / 5), max(1, width / 5))
            return moved { (($0 + height - down) % height, ($1 + width - right) % width) }
        case .blurred: return Self.blurred(image, shape, radius: 1.2)
        case .shuffled:
            let order = (0..<16).shuffled(using: &random)
            let (rows, columns) = (height / 4, width / 4)
            return moved { y, x in
                guard y < 4 * rows, x < 4 * columns else { return (y, x) }
                let from = order[y / rows * 4 + x / columns]
                return (from / 4 * rows + y % rows, from % 4 * columns + x % columns)
            }
        case .noise: return image.map { _ in UInt8.random(in: 0...UInt8(levels - 1), using: &random) }
        case .constant:
            let value = UInt8.random(in: 0...UInt8(levels - 1), using: &random)
            return image.map { _ in value }
        case .joined:
            return gathered(shape) { y, x, c in (x < width / 2 ? image : next)[(y * width + x) * shape.channels + c] }
        }
    }

    private func gathered(_ shape: EventShape, _ value: (Int, Int, Int) -> UInt8) -> [UInt8] {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(shape.dims)
        for y in 0..<shape.height {
            for x in 0..<shape.width {
                for c in 0..<shape.channels { pixels.append(value(y, x, c)) }
            }
        }
        return pixels
    }

    /// Gaussian blur in both directions; beyond its border an image goes on as it ends.
    private static func blurred(_ image: [UInt8], _ shape: EventShape, radius: Double) -> [UInt8] {
        let reach = Int((3 * radius).rounded(.up))
        let weights = (-reach...reach).map { exp(-Double($0 * $0) / (2 * radius * radius)) }
        let total = weights.reduce(0, +)
        var values = image.map(Double.init)
        let (pixel, row) = (shape.channels, shape.channels * shape.width)
        // Along the rows, then along the columns: places of a line and steps between them, lines and steps between those.
        for (count, step, lines, lineStep) in [
            (shape.width, pixel, shape.height, row), (shape.height, row, shape.width, pixel),
        ] {
            var result = values
            for line in 0..<lines {
                for c in 0..<shape.channels {
                    let first = line * lineStep + c
                    for i in 0..<count {
                        var sum = 0.0
                        for (k, weight) in weights.enumerated() {
                            sum += weight * values[first + min(max(i + k - reach, 0), count - 1) * step]
                        }
                        result[first + i * step] = sum / total
                    }
                }
            }
            values = result
        }
        return values.map { UInt8($0.rounded()) }
    }
}
