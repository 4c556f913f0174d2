/// Number format in which a packed map stores the weights of its networks and what they are multiplied with.
public enum WeightPrecision: String, Sendable, CaseIterable {
    /// Single precision.
    case f32
    /// bfloat16, 8 bits of significand, for weights and for what enters a product; sums, biases, activation functions and
    /// the affine maps themselves stay in single precision.
    case bf16
}

/// A bijection ready for inference: its weights stand as the kernels read them.
///
/// Both directions work in place on a tile and allocate nothing. A row's bits depend neither on the other rows nor on
/// their number.
public protocol PackedBijection: Sendable {
    /// Event width `D`.
    var dims: Int { get }
    /// Width of a row's context; 0 for none.
    var contextDims: Int { get }
    /// Whether every dimension is mapped by itself, whatever the others are.
    var isElementwise: Bool { get }
    /// Multiply-adds that a row cannot do without, the same in both directions.
    var multiplyAdds: Int { get }
    /// Reserves what the map writes on while a full tile passes, in workspaces of kinds that it knows.
    func reserve(_ scratch: inout Scratch)

    /// Maps the tile's data to latents in place; adds the log-determinants, nats.
    func forward(_ tile: inout RowTile, _ scratch: inout Scratch)
    /// Maps the tile's latents to data in place; adds the log-determinants of the inverse, nats.
    /// - Throws: ``FlowError/cancelled``; sequential maps ask `isCancelled` between blocks of dimensions.
    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws
}

extension PackedBijection {
    public var contextDims: Int { 0 }
    public var isElementwise: Bool { false }
    public var multiplyAdds: Int { 0 }
    public func reserve(_ scratch: inout Scratch) {}
}
