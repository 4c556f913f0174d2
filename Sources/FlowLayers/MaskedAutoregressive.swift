import Glibc
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

    /// Dimensions between two looks at `isCancelled`.
    private static let cancellationBlock = 32

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

    public func forward(_ x: Matrix) throws -> (z: Matrix, logDet: [Float]) {
        try checkWidth(of: x, "x")
        return overRowTiles(x) { tile in
            let (z, logDet, _) = run(tile)
            return (z, logDet)
        }
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

    /// One pass: every weight is used once.
    public func inverse(_ z: Matrix, isCancelled: () -> Bool) throws -> (x: Matrix, logDet: [Float]) {
        try checkWidth(of: z, "z")
        return try overRowTiles(z) { tile in try solve(tile, isCancelled) }
    }

    /// The non-linear triangular solve for one tile, position by position.
    private func solve(_ z: Matrix, _ isCancelled: () -> Bool) throws -> (Matrix, [Float]) {
        let latent = z.unitMajor(order)
        // Known values: the positions, then each hidden layer's units. What is not yet known is never read.
        var known = [[SIMD16<Float>]](repeating: [], count: conditioner.layers.count)
        for (i, layer) in conditioner.layers.enumerated() {
            known[i].reserveCapacity(layer.inputs)
        }
        let output = conditioner.layers.count - 1
        var logDet = SIMD16<Float>.zero
        for p in 0..<dims {
            if p % Self.cancellationBlock == 0, isCancelled() { throw FlowError.cancelled }
            let shift = unit(2 * p, of: output, known)
            let a = unit(2 * p + 1, of: output, known)
            var x = SIMD16<Float>()
            for r in 0..<tileRows {
                let s = boundedLogScale(a[r], bound: logScaleBound)
                x[r] = (latent[p * tileRows + r] - shift[r]) * exp(-s)
                logDet[r] -= s
            }
            known[0].append(x)
            // Dimension p is known, and with it the hidden units of degree p + 1, layer by layer.
            for i in 0..<output {
                while known[i + 1].count < conditioner.layers[i].outputs,
                    conditioner.layers[i].reach[known[i + 1].count] <= known[i].count
                {
                    let value = unit(known[i + 1].count, of: i, known)
                    known[i + 1].append(value.replacing(with: 0, where: value .< 0))
                }
            }
        }
        var x = z
        x.setColumns(order, unitMajor: known[0].flatMap { value in (0..<tileRows).map { value[$0] } })
        return (x, (0..<tileRows).map { logDet[$0] })
    }

    /// Pre-activation of one unit of `layer` from the known values below it.
    private func unit(_ index: Int, of layer: Int, _ known: [[SIMD16<Float>]]) -> SIMD16<Float> {
        let linear = conditioner.layers[layer]
        let inputs = known[layer]
        return dotTile(
            weights: linear.weights.span, offset: index * linear.inputs, count: linear.reach[index],
            bias: linear.biases[index], inputs: inputs.span)
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
