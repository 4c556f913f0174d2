/// Number format in which a packed map stores the weights of its networks and what they are multiplied with.
public enum WeightPrecision: String, Sendable, CaseIterable {
    /// Single precision.
    case f32
    /// bfloat16, 8 bits of significand, for weights and for what enters a product; sums, biases, activation functions and
    /// the affine maps themselves stay in single precision.
    case bf16
}

/// Order of an event's dimensions in which a map's Jacobian is triangular: a dimension of the latent depends on its own dimension of
/// the data, and on those before it.
///
/// The log-density of the data is then a sum of conditional terms, one a dimension:
///
///     log p(x_d | x_<d) = log N(z_d; 0, 1) + log |∂z_d/∂x_d|
public enum TriangularOrder: Sendable {
    /// Every dimension depends on its own alone.
    case any
    /// From the first dimension to the last.
    case rising
    /// From the last dimension to the first.
    case falling

    /// Order of one map behind another; nil where there is none.
    package static func following(_ first: TriangularOrder?, _ second: TriangularOrder?) -> TriangularOrder? {
        switch (first, second) {
        case (nil, _), (_, nil): nil
        case (.any, let other), (let other, .any): other
        case (.rising, .rising): .rising
        case (.falling, .falling): .falling
        default: nil
        }
    }
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
    /// Order of the dimensions in which the Jacobian of data → latent is triangular; nil, as by default, where it is in none, or where
    /// the map does not tell its diagonal.
    var triangularOrder: TriangularOrder? { get }
    /// Whether a context that is all zeros is one that the map makes up for itself; by default only where there is none.
    var infersContext: Bool { get }
    /// Multiply-adds of a row by the map's definition, the same in both directions; masked zeros are none.
    var multiplyAdds: Int { get }
    /// Multiply-adds that the products of a row take in each direction: as many, as by default, or fewer where the map has a way
    /// around some.
    var multiplyAddsDone: (forward: Int, inverse: Int) { get }
    /// Bytes of memory of the map's weights in all the forms in which they are kept, beyond one of each number; 0 by default.
    var formBytes: Int { get }
    /// Reserves what the map writes on while a full tile passes, in workspaces of kinds that it knows.
    func reserve(_ scratch: inout Scratch)

    /// Maps the tile's data to latents in place; adds the log-determinants, nats, and where there is a ``triangularOrder`` and the tile
    /// has room for them each dimension's log-derivative.
    func forward(_ tile: inout RowTile, _ scratch: inout Scratch)
    /// Maps the tile's latents to data in place; adds the log-determinants of the inverse, nats.
    /// - Throws: ``FlowError/cancelled``; sequential maps ask `isCancelled` between blocks of dimensions.
    func inverse(_ tile: inout RowTile, _ scratch: inout Scratch, isCancelled: () -> Bool) throws
    /// Maps the tile's latents to data as ``inverse(_:_:isCancelled:)`` does, to the same bits, in the dimensions of the first
    /// `positions` of the map's ``SequentialMap/positions`` at least; the others, and the log-determinants, may hold any numbers. By
    /// default it maps all.
    /// - Throws: ``FlowError/cancelled``, asked for likewise.
    func inverse(
        _ tile: inout RowTile, _ scratch: inout Scratch, positions: Int, isCancelled: () -> Bool) throws
}

extension PackedBijection {
    public var contextDims: Int { 0 }
    public var infersContext: Bool { contextDims == 0 }
    public var multiplyAdds: Int { 0 }
    public var multiplyAddsDone: (forward: Int, inverse: Int) { (multiplyAdds, multiplyAdds) }
    public var triangularOrder: TriangularOrder? { nil }
    public var formBytes: Int { 0 }
    public func reserve(_ scratch: inout Scratch) {}
    public func inverse(
        _ tile: inout RowTile, _ scratch: inout Scratch, positions: Int, isCancelled: () -> Bool
    ) throws {
        try inverse(&tile, &scratch, isCancelled: isCancelled)
    }
}
