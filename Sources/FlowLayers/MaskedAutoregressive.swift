public import FlowCore
import FlowKernels

/// Masked autoregressive map: dimension `d` becomes `z = x · exp(s) + t` with `(t, s)` a function of the dimensions
/// before it, in rising order, or falling when `reversed`.
///
///     logDet[r] = Σ s[r, d]         s = a / (1 + |a|/c) in (−c, c)
///
/// Density (`forward`) takes one pass of a masked network. Sampling (`inverse`) takes one pass too: units are sorted by
/// degree, a unit of degree `d` depends on dimensions up to `d` alone, and so each is computed once, when dimension `d`
/// becomes known. The naive way, `D` passes, is ``referenceInverse(_:)``.
///
/// Source: Papamakarios et al., *Masked Autoregressive Flow for Density Estimation* (2017), §3, arXiv:1705.07057;
/// with scale and shift applied on the data side and a soft-clipped log-scale, as zuko does.
public struct MaskedAutoregressive: Bijection {
    public let dims: Int
    public let reversed: Bool
    /// `c`, nats.
    public let logScaleBound: Float
    package var conditioner: Conditioner
    /// Dimension at each position of the order.
    private let order: [Int]

    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .sequential }

    /// Starts at the identity, its hidden layers drawn from `random`; all zero without.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for bad sizes.
    public init(dims: Int, shape: ConditionerShape, reversed: Bool, logScaleBound: Float, random: inout RandomStream?)
        throws
    {
        try checkSizes(dims: dims, atLeast: 1, shape: shape, logScaleBound: logScaleBound)
        self.dims = dims
        self.reversed = reversed
        self.logScaleBound = logScaleBound
        order = reversed ? (0..<dims).reversed() : Array(0..<dims)
        conditioner = Conditioner(maskedDims: dims, shape: shape, random: &random)
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedMaskedAutoregressive(
            dims: dims,
            network: PackedAffineNetwork(conditioner, bound: logScaleBound, transformed: dims, reversed: reversed))
    }

    public func forwardTaped(_ x: Matrix) throws -> (z: Matrix, logDet: [Float], tape: AffineTape) {
        try checkWidth(of: x, "x")
        return run(x)
    }

    private func run(_ x: Matrix) -> (z: Matrix, logDet: [Float], tape: AffineTape) {
        let positions = x.unitMajor(order)
        let (moved, logDet, tape) = affineNetworkForward(
            x: positions, key: positions, bound: logScaleBound, rows: x.rows, network: conditioner)
        var z = x
        z.setColumns(order, unitMajor: moved)
        return (z, logDet, tape)
    }

    /// The inverse as the literature has it: `D` passes of the network, each of which gets one more dimension right.
    package func referenceInverse(_ z: Matrix) throws -> (x: Matrix, logDet: [Float]) {
        try checkWidth(of: z, "z")
        let latent = z.unitMajor(order)
        var positions = [Float](repeating: 0, count: dims * z.rows)
        var logDet = [Float](repeating: 0, count: z.rows)
        for _ in 0..<dims {
            (positions, logDet) = affineNetworkInverse(
                z: latent, key: positions, bound: logScaleBound, rows: z.rows, network: conditioner)
        }
        var x = z
        x.setColumns(order, unitMajor: positions)
        return (x, logDet)
    }

    public func backward(
        _ cotangent: Cotangent, through tape: AffineTape, into gradient: inout MaskedAutoregressive
    ) -> Matrix {
        let rows = cotangent.dz.rows
        let (direct, throughNetwork) = affineNetworkBackward(
            dz: cotangent.dz.unitMajor(order), dLogDet: cotangent.dLogDet, tape: tape, bound: logScaleBound,
            rows: rows, network: conditioner, into: &gradient.conditioner)
        var dx = cotangent.dz
        dx.setColumns(order, unitMajor: direct)
        dx.addColumns(order, unitMajor: throughNetwork)
        return dx
    }

    public var holdsStructuralZeros: Bool { conditioner.layers.allSatisfy(\.isTriangular) }

    public mutating func restoreStructuralZeros() {
        for i in conditioner.layers.indices {
            conditioner.layers[i].restoreTriangle()
        }
    }

    /// Numbers in the arrays of a map with these sizes, or nil where that overflows.
    public static func parameterCount(dims: Int, shape: ConditionerShape) -> Int? {
        Conditioner.parameterCount(inputs: dims, shape: shape, transformed: dims)
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try conditioner.visitParameters(body)
    }
}
