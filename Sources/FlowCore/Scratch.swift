/// How much scratch a packed map needs for a full tile.
public struct ScratchSizes: Sendable {
    /// Units of its widest hidden layer.
    package var widest = 0
    /// Most inputs of one of its maps in bfloat16.
    package var widestHalf = 0
    /// Of a sequential solve: values that stay known, rows of partial sums, latents, and counters.
    package var known = 0
    package var partial = 0
    package var latent = 0
    package var counters = 0

    package init() {}

    /// Enough for either.
    public func union(_ other: ScratchSizes) -> ScratchSizes {
        var sizes = self
        sizes.widest = max(widest, other.widest)
        sizes.widestHalf = max(widestHalf, other.widestHalf)
        sizes.known = max(known, other.known)
        sizes.partial = max(partial, other.partial)
        sizes.latent = max(latent, other.latent)
        sizes.counters = max(counters, other.counters)
        return sizes
    }
}

/// What a tile's way through a packed flow writes on; belongs to one thread and is used again for every tile.
public struct Scratch: Sendable {
    /// Activations of one layer each, row-major.
    package var front: [Float]
    package var back: [Float]
    package var branch: [Float]
    /// Inputs of one layer each in bfloat16, row-major.
    package var halfFront: [UInt16]
    package var halfBack: [UInt16]
    /// One panel of outputs, `[capacity, 32]`.
    package var panel: [Float]
    /// Unit-major arrays of a sequential solve, `[units, rows rounded up to 16]`.
    package var known: [Float]
    package var partial: [Float]
    package var latent: [Float]
    package var logDet: [Float]
    package var counters: [Int]
    package let ones: [Float]

    public init(_ sizes: ScratchSizes) {
        func zeros(_ count: Int) -> [Float] { Array(repeating: 0, count: RowTile.capacity * count) }
        front = zeros(rowStride(sizes.widest))
        back = front
        branch = front
        let halves = sizes.widestHalf == 0 ? 0 : RowTile.capacity * rowStride(sizes.widestHalf)
        halfFront = Array(repeating: 0, count: halves)
        halfBack = halfFront
        panel = zeros(32)
        known = zeros(sizes.known)
        partial = zeros(sizes.partial)
        latent = zeros(sizes.latent)
        logDet = zeros(1)
        ones = Array(repeating: 1, count: RowTile.capacity)
        counters = Array(repeating: 0, count: sizes.counters)
    }
}
