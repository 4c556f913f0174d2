package import FlowKernels

/// How much scratch a packed map needs for a full tile.
public struct ScratchSizes: Sendable {
    /// Units of its widest hidden layer.
    package var widest = 0
    /// Most inputs of one of its maps in bfloat16.
    package var widestHalf = 0
    /// Panels of outputs that are computed before the transforms that they steer.
    package var groupPanels = 0
    /// Of a sequential solve.
    package var solve = SolveSizes()
    /// Dimensions of an event that is rearranged.
    package var event = 0
    /// Of convolutional networks.
    package var image = ImageBufferSizes()

    package init(
        groupPanels: Int = 0, solve: SolveSizes = SolveSizes(), image: ImageBufferSizes = ImageBufferSizes()
    ) {
        self.groupPanels = groupPanels
        self.solve = solve
        self.image = image
    }

    /// Enough for either.
    public func union(_ other: ScratchSizes) -> ScratchSizes {
        var sizes = self
        sizes.widest = max(widest, other.widest)
        sizes.widestHalf = max(widestHalf, other.widestHalf)
        sizes.groupPanels = max(groupPanels, other.groupPanels)
        sizes.solve = solve.union(other.solve)
        sizes.event = max(event, other.event)
        sizes.image = image.union(other.image)
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
    /// The panels of a group of outputs, side by side, `[capacity, 32 · panels]`, or one panel of a hidden layer.
    package var panel: [Float]
    package var solve: SolveScratch
    /// One event.
    package var event: [Float]
    package var image: ImageBuffers

    public init(_ sizes: ScratchSizes) {
        func zeros(_ count: Int) -> [Float] { Array(repeating: 0, count: RowTile.capacity * count) }
        front = zeros(rowStride(sizes.widest))
        back = front
        branch = front
        let halves = sizes.widestHalf == 0 ? 0 : RowTile.capacity * rowStride(sizes.widestHalf)
        halfFront = Array(repeating: 0, count: halves)
        halfBack = halfFront
        panel = zeros(32 * max(1, sizes.groupPanels))
        solve = SolveScratch(sizes.solve, rows: RowTile.capacity)
        event = Array(repeating: 0, count: sizes.event)
        image = ImageBuffers(sizes.image)
    }
}
