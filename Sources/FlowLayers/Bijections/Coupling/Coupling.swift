public import FlowCore
public import FlowKernels

/// A coupling: the dimensions whose index has `parity` are the key and pass unchanged; the others, in rising order, go through
/// a transform each, whose parameters the conditioner makes of the key.
///
///     logDet[r] = Σᵢ log ∂zᵢ/∂xᵢ
///
/// Source: Dinh et al., *Density estimation using Real NVP* (2017), §3.2–3.4, arXiv:1605.08803; on vectors, with
/// alternate indices as the mask and, with affine transforms, a soft clip in place of the paper's scaled tanh. With splines
/// the RQ-NSF (C) of Durkan et al. (2019), arXiv:1906.04032; with shifts the additive coupling of Dinh et al., *NICE* (2014),
/// §3.2, arXiv:1410.8516.
public struct Coupling: Bijection {
    public let dims: Int
    /// Transform of each dimension outside the key.
    public let transform: UnivariateTransform
    /// Network that makes the transforms' parameters of the key.
    package var conditioner: Conditioner
    /// Index of the first key dimension.
    let parity: Int

    public var contextDims: Int { conditioner.shape.contextDims }
    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .parallel }

    /// A map that starts at the identity, its hidden layers drawn from `random`; all zero without.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for fewer than two dimensions, or sizes that are not allowed.
    public init(
        dims: Int, shape: ConditionerShape, parity: Int, transform: UnivariateTransform, random: inout RandomStream?
    ) throws {
        try checkSizes(dims: dims, atLeast: 2, shape: shape, transform: transform)
        precondition(parity == 0 || parity == 1)
        self.dims = dims
        self.transform = transform
        self.parity = parity
        let key = Self.keyDims(dims: dims, parity: parity)
        conditioner = Conditioner(
            inputs: key, shape: shape, outputs: transform.parameterCount * (dims - key), random: &random)
    }

    /// Returns the number of dimensions of the key.
    private static func keyDims(dims: Int, parity: Int) -> Int { (dims + 1 - parity) / 2 }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedCoupling(
            dims: dims, parity: parity,
            network: PackedNetwork(
                conditioner, precision, transform: transform,
                transformed: dims - Self.keyDims(dims: dims, parity: parity)))
    }

    public func forwardTaped(
        _ x: Matrix, context: Matrix?
    ) throws -> (z: Matrix, logDet: [Float], tape: TransformTape) {
        try checkWidth(of: x, "x")
        try checkContext(context, rows: x.rows)
        var units = UnitMajor(x)
        let (moved, logDet, tape) = transformForward(
            x: units.every(2, from: 1 - parity), key: units.every(2, from: parity), context: context,
            transform: transform, network: conditioner)
        units.setEvery(2, from: 1 - parity, moved)
        return (units.matrix(), logDet, tape)
    }

    public func backward(_ cotangent: Cotangent, through tape: inout TransformTape) -> Matrix {
        var units = UnitMajor(cotangent.dz)
        let (dMoved, dKey) = transformBackward(
            dz: units.every(2, from: 1 - parity), dLogDet: cotangent.dLogDet, tape: &tape, transform: transform,
            network: conditioner)
        var key = units.every(2, from: parity)
        key.add(dKey)
        units.setEvery(2, from: 1 - parity, dMoved)
        units.setEvery(2, from: parity, key)
        return units.matrix()
    }

    public func tapeBytes(rows: Int) -> Int {
        TransformTape.bytes(
            rows: rows, transformed: dims - Self.keyDims(dims: dims, parity: parity), transform: transform,
            network: conditioner)
    }

    public func visitGradients(of tapes: [TransformTape], _ body: (ParameterGradient) -> Void) {
        conditioner.visitGradients(of: tapes.map(\.network), body)
    }

    /// Computes the number of parameters of a map with these sizes; nil where it overflows, or a size of the transform is not
    /// allowed.
    public static func parameterCount(
        dims: Int, shape: ConditionerShape, parity: Int, transform: UnivariateTransform
    ) -> Int? {
        let key = keyDims(dims: dims, parity: parity)
        return Conditioner.parameterCount(inputs: key, shape: shape, transform: transform, transformed: dims - key)
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try conditioner.visitParameters(body)
    }
}
