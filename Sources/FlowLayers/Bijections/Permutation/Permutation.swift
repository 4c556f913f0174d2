public import FlowCore

/// A fixed order of an event's dimensions, `z[j] = x[order[j]]`; the log-det is 0.
///
/// Multi-scale flows are made of them: all dimensions stay in the event, and those that have left the flow stand behind
/// the image that goes on. So every latent is kept, and decoding is exact.
public struct Rearrangement: Bijection {
    /// Of each dimension of `z`, where it stands in `x`.
    let order: [Int]

    public var dims: Int { order.count }
    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .parallel }
    public var partRows: Int { 1 }

    /// - Parameter order: each of `0 ..< order.count` once.
    init(order: [Int]) {
        precondition(order.sorted() == Array(order.indices))
        self.order = order
    }

    /// Squares of 2 × 2 pixels become the channels of one: `[h, w, c]` → `[h/2, w/2, 4c]`, channel `4i + 2·dy + dx`.
    ///
    /// Source: Dinh et al., *Density estimation using Real NVP* (2017), §3.6, arXiv:1605.08803.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for odd sides.
    package static func squeeze(dims: Int, layout: ImageLayout) throws -> (map: Rearrangement, layout: ImageLayout) {
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
        return (Rearrangement(order: order), squeezed)
    }

    /// Exchanges channels of a squeezed image so that each half of them is one colour of a checkerboard of the pixels before the
    /// squeeze; once more puts them back.
    package static func checkerboard(dims: Int, layout: ImageLayout) -> Rearrangement {
        precondition(layout.channels % 4 == 0, "a squeeze makes fours of channels")
        let half = layout.channels / 2
        // of the four, the first and the last are one colour
        func isFirstColour(_ channel: Int) -> Bool { [0, 3].contains(channel % 4) }
        let leave = (0..<half).filter { !isFirstColour($0) }
        let enter = (half..<layout.channels).filter(isFirstColour)
        var channels = Array(0..<layout.channels)
        for (first, second) in zip(leave, enter) { channels.swapAt(first, second) }
        let image = (0..<layout.pixels).flatMap { pixel in channels.map { pixel * layout.channels + $0 } }
        return Rearrangement(order: image + Array(layout.dims..<dims))
    }

    /// The second half of the channels leaves: `[h, w, c]` → `[h, w, c/2]`, and behind it what left, pixel by pixel.
    package static func factorOut(dims: Int, layout: ImageLayout) -> (map: Rearrangement, layout: ImageLayout) {
        let kept = (layout.channels + 1) / 2
        let stays = ImageLayout(height: layout.height, width: layout.width, channels: kept)
        let channels = layout.channels
        func places(_ range: Range<Int>) -> [Int] {
            (0..<layout.height * layout.width).flatMap { pixel in range.map { pixel * channels + $0 } }
        }
        let order = places(0..<kept) + places(kept..<channels) + Array(layout.dims..<dims)
        return (Rearrangement(order: order), stays)
    }

    private func rearranged(_ x: Matrix, inverse: Bool) -> Matrix {
        var z = Matrix(rows: x.rows, columns: dims)
        let values = x.elements.span
        var span = z.elements.mutableSpan
        for first in stride(from: 0, to: values.count, by: dims) {
            for j in 0..<dims {
                let (from, to) = inverse ? (j, order[j]) : (order[j], j)
                span[first + to] = values[first + from]
            }
        }
        return z
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection { PackedRearrangement(order) }

    /// Nothing to remember.
    public struct Tape: Sendable {}

    public func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        try checkWidth(of: x, "x")
        return (rearranged(x, inverse: false), Array(repeating: 0, count: x.rows), Tape())
    }

    public func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix {
        rearranged(cotangent.dz, inverse: true)
    }

    public func tapeBytes(rows: Int) -> Int { 0 }

    public func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {}
    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {}
}

/// ``Rearrangement``, packed.
final class PackedRearrangement: PackedBijection {
    let order: [Int]

    init(_ order: [Int]) { self.order = order }

    var dims: Int { order.count }
    var scratchSizes: ScratchSizes {
        var sizes = ScratchSizes()
        sizes.event = dims
        return sizes
    }

    func forward(_ tile: inout RowTile, _ scratch: inout Scratch) { apply(inverse: false, &tile, &scratch) }

    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws {
        apply(inverse: true, &tile, &scratch)
    }

    private func apply(inverse: Bool, _ tile: inout RowTile, _ scratch: inout Scratch) {
        let (rows, stride) = (tile.rows, tile.stride)
        let places = order
        let order = places.span
        var row = scratch.event.mutableSpan
        var x = tile.elements.mutableSpan
        for r in 0..<rows {
            for j in 0..<order.count { row[j] = x[r * stride + j] }
            if inverse {
                for j in 0..<order.count { x[r * stride + order[j]] = row[j] }
            } else {
                for j in 0..<order.count { x[r * stride + j] = row[order[j]] }
            }
        }
    }
}
