import FlowCore

/// Permutations of multi-scale flows: every latent stays in the event, and what has left the flow stands behind the image that
/// goes on, so decoding is exact.
extension Permutation {
    /// Makes the squeeze, squares of 2 × 2 pixels to the channels of one: `[h, w, c]` → `[h/2, w/2, 4c]`, channel `4i + 2·dy + dx`.
    ///
    /// Source: Dinh et al., *Density estimation using Real NVP* (2017), §3.6, arXiv:1605.08803.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for odd sides.
    package static func squeeze(dims: Int, layout: ImageLayout) throws -> (map: Permutation, layout: ImageLayout) {
        for (side, value) in [("height", layout.height), ("width", layout.width)] where value % 2 != 0 {
            throw FlowError.outOfRange(
                argument: "\(side) of an image", value: "\(value)",
                allowed: "even numbers at every scale; fewer scales need fewer factors of 2")
        }
        let (width, channels) = (layout.width, layout.channels)
        let squeezed = ImageLayout(height: layout.height / 2, width: width / 2, channels: 4 * channels)
        var order = Array(0..<dims)
        var next = 0
        for y in 0..<squeezed.height {
            for x in 0..<squeezed.width {
                for channel in 0..<squeezed.channels {
                    let (i, place) = channel.quotientAndRemainder(dividingBy: 4)
                    order[next] = ((2 * y + place / 2) * width + 2 * x + place % 2) * channels + i
                    next += 1
                }
            }
        }
        return (Permutation(order: order), squeezed)
    }

    /// Makes the permutation that exchanges channels of a squeezed image, so that each half of them is one colour of a checkerboard
    /// of the pixels before the squeeze. It is its own inverse.
    package static func checkerboard(dims: Int, layout: ImageLayout) -> Permutation {
        precondition(layout.channels % 4 == 0, "a squeeze makes fours of channels")
        let half = layout.channels / 2
        // the first and the last of four channels are one colour
        func isFirstColour(_ channel: Int) -> Bool { [0, 3].contains(channel % 4) }
        let leave = (0..<half).filter { !isFirstColour($0) }
        let enter = (half..<layout.channels).filter(isFirstColour)
        var channels = Array(0..<layout.channels)
        for (first, second) in zip(leave, enter) { channels.swapAt(first, second) }
        let image = (0..<layout.pixels).flatMap { pixel in channels.map { pixel * layout.channels + $0 } }
        return Permutation(order: image + Array(layout.dims..<dims))
    }

    /// Makes the permutation by which the second half of the channels leaves: `[h, w, c]` → `[h, w, ⌈c/2⌉]`, and behind it what left,
    /// pixel by pixel.
    package static func factorOut(dims: Int, layout: ImageLayout) -> (map: Permutation, layout: ImageLayout) {
        let kept = (layout.channels + 1) / 2
        let stays = ImageLayout(height: layout.height, width: layout.width, channels: kept)
        let channels = layout.channels
        func places(_ range: Range<Int>) -> [Int] {
            (0..<layout.height * layout.width).flatMap { pixel in range.map { pixel * channels + $0 } }
        }
        let order = places(0..<kept) + places(kept..<channels) + Array(layout.dims..<dims)
        return (Permutation(order: order), stays)
    }
}
