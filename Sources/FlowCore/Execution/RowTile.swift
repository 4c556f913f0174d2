import FlowKernels

/// Rows on their way through a packed flow, on one thread.
public struct RowTile: Sendable {
    /// Largest number of rows of a tile, measured on the 784-dim, 5 × (1024, 1024) flow: docs/measurements/2026-11-24-kernels.md,
    /// "Block sizes".
    public static let capacity = 64

    /// Event width `D`.
    public let dims: Int
    /// Width of a row's context; 0 for none.
    public let contextDims: Int
    /// Elements from one row to the next.
    public let stride: Int
    /// Number of rows in use, which are the first ones.
    public var rows = 0
    /// Values of the rows: dimension `j` of row `r` is at `r · stride + j`.
    public var elements: [Float]
    /// Log-determinants of all maps so far, `[capacity]`, nats.
    public var logDet: [Float]
    /// Log-derivatives of each dimension by all maps so far, nats, laid out as ``elements``, which maps with a
    /// ``PackedBijection/triangularOrder`` add to; empty where nobody asks.
    public var logDerivatives: [Float]
    /// Contexts of the rows, `[capacity, contextDims]`.
    public var context: [Float]

    private let hasLogDerivatives: Bool

    /// A tile with room for `rows` rows of zeros, none of them in use.
    /// - Parameter hasLogDerivatives: whether ``logDerivatives`` is wanted.
    public init(dims: Int, contextDims: Int = 0, hasLogDerivatives: Bool = false, rows: Int = Self.capacity) {
        self.dims = dims
        self.contextDims = contextDims
        self.hasLogDerivatives = hasLogDerivatives
        stride = rowStride(dims)
        elements = []
        logDet = Array(repeating: 0, count: Self.capacity)
        logDerivatives = []
        context = []
        reserve(rows: rows)
    }

    /// Makes room for `rows` rows, at most ``capacity``, where there is less; what is there stays.
    package mutating func reserve(rows: Int) {
        precondition(rows <= Self.capacity)
        elements.reserveZeros(rows * stride)
        context.reserveZeros(rows * contextDims)
        if hasLogDerivatives { logDerivatives.reserveZeros(rows * stride) }
    }
}

/// Returns the number of elements from one row of activations to the next: whole panels of 32 lanes, and never a multiple of
/// 2 KiB, so that a dozen rows read side by side do not fall into the same sets of the cache.
package func rowStride(_ units: Int) -> Int {
    let whole = (units + 31) / 32 * 32
    return whole % 512 == 0 ? whole + 16 : whole
}
