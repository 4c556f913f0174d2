public import FlowCore

/// Affine coupling: the dimensions whose index has `parity` are the key and pass unchanged; the others, in rising
/// order, become `z = x · exp(s) + t` with `(t, s)` a function of the key.
///
///     logDet[r] = Σᵢ s[r, i]        s = a / (1 + |a|/c) in (−c, c)
///
/// Source: Dinh et al., *Density estimation using Real NVP* (2017), §3.2–3.4, arXiv:1605.08803; on vectors, with
/// alternate indices as the mask and a soft clip in place of the paper's scaled tanh.
public struct AffineCoupling: Bijection {
    public let dims: Int
    /// `c`, nats.
    public let logScaleBound: Float
    package var conditioner: Conditioner
    private let key: [Int]
    private let transformed: [Int]

    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .parallel }

    /// Starts at the identity, its hidden layers drawn from `random`; all zero without.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for fewer than two dimensions, or bad sizes.
    public init(dims: Int, shape: ConditionerShape, parity: Int, logScaleBound: Float, random: inout RandomStream?)
        throws
    {
        try checkSizes(dims: dims, atLeast: 2, shape: shape, logScaleBound: logScaleBound)
        precondition(parity == 0 || parity == 1)
        self.dims = dims
        self.logScaleBound = logScaleBound
        key = (0..<dims).filter { $0 % 2 == parity }
        transformed = (0..<dims).filter { $0 % 2 != parity }
        conditioner = Conditioner(
            inputs: key.count, shape: shape, transformed: transformed.count, random: &random)
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedAffineCoupling(
            dims: dims, parity: key[0],
            network: PackedAffineNetwork(conditioner, bound: logScaleBound, transformed: transformed.count))
    }

    public func forwardTaped(_ x: Matrix) throws -> (z: Matrix, logDet: [Float], tape: AffineTape) {
        try checkWidth(of: x, "x")
        return run(x)
    }

    private func run(_ x: Matrix) -> (z: Matrix, logDet: [Float], tape: AffineTape) {
        let (moved, logDet, tape) = affineNetworkForward(
            x: x.unitMajor(transformed), key: x.unitMajor(key), bound: logScaleBound, rows: x.rows,
            network: conditioner)
        var z = x
        z.setColumns(transformed, unitMajor: moved)
        return (z, logDet, tape)
    }

    public func backward(
        _ cotangent: Cotangent, through tape: AffineTape, into gradient: inout AffineCoupling
    ) -> Matrix {
        let rows = cotangent.dz.rows
        let (dMoving, dKey) = affineNetworkBackward(
            dz: cotangent.dz.unitMajor(transformed), dLogDet: cotangent.dLogDet, tape: tape, bound: logScaleBound,
            rows: rows, network: conditioner, into: &gradient.conditioner)
        var dx = cotangent.dz
        dx.setColumns(transformed, unitMajor: dMoving)
        dx.addColumns(key, unitMajor: dKey)
        return dx
    }

    /// Numbers in the arrays of a map with these sizes, or nil where that overflows.
    public static func parameterCount(dims: Int, shape: ConditionerShape, parity: Int) -> Int? {
        let key = (dims + 1 - parity) / 2
        return Conditioner.parameterCount(inputs: key, shape: shape, transformed: dims - key)
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try conditioner.visitParameters(body)
    }
}
