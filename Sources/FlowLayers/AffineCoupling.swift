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
    /// Index of the first key dimension.
    private let parity: Int

    public var contextDims: Int { conditioner.shape.contextDims }
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
        self.parity = parity
        let key = Self.keyDims(dims: dims, parity: parity)
        conditioner = Conditioner(inputs: key, shape: shape, transformed: dims - key, random: &random)
    }

    private static func keyDims(dims: Int, parity: Int) -> Int { (dims + 1 - parity) / 2 }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedAffineCoupling(
            dims: dims, parity: parity,
            network: PackedAffineNetwork(
                conditioner, precision, bound: logScaleBound,
                transformed: dims - Self.keyDims(dims: dims, parity: parity)))
    }

    public func forwardTaped(
        _ x: Matrix, context: Matrix?
    ) throws -> (z: Matrix, logDet: [Float], tape: AffineTape) {
        try checkWidth(of: x, "x")
        try checkContext(context, rows: x.rows)
        var units = UnitMajor(x)
        let (moved, logDet, tape) = affineNetworkForward(
            x: units.every(2, from: 1 - parity), key: units.every(2, from: parity), context: context,
            bound: logScaleBound, network: conditioner)
        units.setEvery(2, from: 1 - parity, moved)
        return (units.matrix(), logDet, tape)
    }

    public func backward(_ cotangent: Cotangent, through tape: inout AffineTape) -> Matrix {
        var units = UnitMajor(cotangent.dz)
        let (dMoved, dKey) = affineNetworkBackward(
            dz: units.every(2, from: 1 - parity), dLogDet: cotangent.dLogDet, tape: &tape, bound: logScaleBound,
            network: conditioner)
        var key = units.every(2, from: parity)
        key.add(dKey)
        units.setEvery(2, from: 1 - parity, dMoved)
        units.setEvery(2, from: parity, key)
        return units.matrix()
    }

    public func visitGradients(of tapes: [AffineTape], _ body: (ParameterGradient) -> Void) {
        conditioner.visitGradients(of: tapes.map(\.network), body)
    }

    /// Numbers in the arrays of a map with these sizes, or nil where that overflows.
    public static func parameterCount(dims: Int, shape: ConditionerShape, parity: Int) -> Int? {
        let key = keyDims(dims: dims, parity: parity)
        return Conditioner.parameterCount(inputs: key, shape: shape, transformed: dims - key)
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try conditioner.visitParameters(body)
    }
}
