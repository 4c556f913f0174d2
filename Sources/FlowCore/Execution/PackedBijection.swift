/// How a packed map stores the weights of its networks, and what it multiplies them with.
public enum WeightPrecision: String, Sendable, CaseIterable {
    /// Single precision.
    case f32
    /// bfloat16, 8 bits of significand, for weights and for what enters a product; sums, biases, activation functions and
    /// the affine maps themselves stay in single precision.
    case bf16
}

/// A bijection made ready for inference: its weights stand as the kernels read them.
///
/// Both directions work in place on a tile and allocate nothing. A row's bits depend neither on the other rows nor on
/// their number.
public protocol PackedBijection: Sendable {
    var dims: Int { get }
    var contextDims: Int { get }
    /// Multiply-adds that a row cannot do without, the same in both directions.
    var multiplyAdds: Int { get }
    /// Reserves what the map writes on while a full tile passes, in workspaces of kinds that it knows.
    func reserve(_ scratch: inout Scratch)

    /// Data → latent, in place; adds the log-dets, nats.
    func forward(_ tile: inout RowTile, _ scratch: inout Scratch)
    /// Latent → data, in place; adds the log-dets of the inverse, nats.
    /// - Throws: ``FlowError/cancelled``; sequential maps ask `isCancelled` between blocks of dimensions.
    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws
}

extension PackedBijection {
    public var contextDims: Int { 0 }
    public var multiplyAdds: Int { 0 }
    public func reserve(_ scratch: inout Scratch) {}
}
