public import FlowCore
public import FlowKernels

/// A masked autoregressive map: dimension `d` goes through a transform whose parameters are a function of the dimensions
/// before it, in rising order, or falling when `reversed`.
///
///     logDet[r] = Σ log ∂z/∂x of every dimension
///
/// Density (`forward`) takes one pass of a masked network. Sampling (`inverse`) takes one pass too: units are sorted by
/// degree, a unit of degree `d` depends on dimensions up to `d` alone, and so each is computed once, when dimension `d`
/// becomes known. The naive way, `D` passes, is ``referenceInverse(_:context:)``.
///
/// Source: Papamakarios et al., *Masked Autoregressive Flow for Density Estimation* (2017), §3, arXiv:1705.07057;
/// with scale and shift applied on the data side and a soft-clipped log-scale, as zuko does. With splines the RQ-NSF (AR) of
/// Durkan et al. (2019), arXiv:1906.04032.
public struct MaskedAutoregressive: Bijection {
    public let dims: Int
    /// Whether dimensions are conditioned on those after them, and not on those before them.
    public let reversed: Bool
    /// Transform of each dimension.
    public let transform: UnivariateTransform
    /// Masked network that makes a dimension's parameters of the dimensions before it.
    package var conditioner: Conditioner

    public var contextDims: Int { conditioner.shape.contextDims }
    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .sequential }

    /// A map that starts at the identity, its hidden layers drawn from `random`; all zero without.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for sizes that are not allowed.
    public init(
        dims: Int, shape: ConditionerShape, reversed: Bool, transform: UnivariateTransform,
        random: inout RandomStream?
    ) throws {
        try checkSizes(dims: dims, atLeast: 1, shape: shape, transform: transform)
        self.dims = dims
        self.reversed = reversed
        self.transform = transform
        conditioner = Conditioner(
            maskedDims: dims, shape: shape, parametersPerDim: transform.parameterCount, random: &random)
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedMaskedAutoregressive(
            dims: dims,
            network: PackedNetwork(
                conditioner, precision, transform: transform, transformed: dims, reversed: reversed))
    }

    public func forwardTaped(
        _ x: Matrix, context: Matrix?
    ) throws -> (z: Matrix, logDet: [Float], tape: TransformTape) {
        try checkWidth(of: x, "x")
        try checkContext(context, rows: x.rows)
        let positions = UnitMajor(x, reversed: reversed)
        let (moved, logDet, tape) = transformForward(
            x: positions, key: positions, context: context, transform: transform, network: conditioner)
        return (moved.matrix(reversed: reversed), logDet, tape)
    }

    /// Computes the inverse as the literature has it: `D` passes of the network, each of which gets one more dimension right.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``; ``FlowError/outOfRange(argument:value:allowed:)`` when
    ///   `context` has another number of rows than `z`.
    package func referenceInverse(
        _ z: Matrix, context: Matrix? = nil
    ) throws -> (x: Matrix, logDet: [Float]) {
        try checkWidth(of: z, "z")
        try checkContext(context, rows: z.rows)
        let latent = UnitMajor(z, reversed: reversed)
        var positions = UnitMajor(units: dims, rows: z.rows)
        var logDet: [Float] = []
        for _ in 0..<dims {
            let parameters = conditioner.forwardTaped(positions, context: context).output
            logDet = Array(repeating: 0, count: z.rows)
            for p in 0..<dims {
                for r in 0..<z.rows {
                    let (first, i) = (transform.parameterCount * p, p * latent.stride + r)
                    let own = (0..<transform.parameterCount).map {
                        Double(parameters.elements[(first + $0) * latent.stride + r])
                    }
                    let (x, logDerivative) = Reference.transform(
                        transform, inverse: true, Double(latent.elements[i]), parameters: own)
                    positions.elements[i] = Float(x)
                    logDet[r] += Float(logDerivative)
                }
            }
        }
        return (positions.matrix(reversed: reversed), logDet)
    }

    public func backward(_ cotangent: Cotangent, through tape: inout TransformTape) -> Matrix {
        var (dx, throughNetwork) = transformBackward(
            dz: UnitMajor(cotangent.dz, reversed: reversed), dLogDet: cotangent.dLogDet, tape: &tape,
            transform: transform, network: conditioner)
        dx.add(throughNetwork)
        return dx.matrix(reversed: reversed)
    }

    public func tapeBytes(rows: Int) -> Int {
        TransformTape.bytes(rows: rows, transformed: dims, transform: transform, network: conditioner)
    }

    public func visitGradients(of tapes: [TransformTape], _ body: (ParameterGradient) -> Void) {
        conditioner.visitGradients(of: tapes.map(\.network), body)
    }

    public var holdsStructuralZeros: Bool { conditioner.layers.allSatisfy(\.isTriangular) }

    public mutating func restoreStructuralZeros() {
        for i in conditioner.layers.indices {
            conditioner.layers[i].restoreTriangle()
        }
    }

    /// Computes the number of parameters of a map with these sizes, without entries that a mask holds at zero; nil where the
    /// arrays' sizes overflow, or a size of the transform is not allowed.
    public static func parameterCount(dims: Int, shape: ConditionerShape, transform: UnivariateTransform) -> Int? {
        Conditioner.parameterCount(maskedDims: dims, shape: shape, transform: transform)
    }

    /// Computes the number of entries in the arrays of a map with these sizes, with those that a mask holds at zero; nil where it
    /// overflows, or a size of the transform is not allowed.
    public static func elementCount(dims: Int, shape: ConditionerShape, transform: UnivariateTransform) -> Int? {
        Conditioner.parameterCount(inputs: dims, shape: shape, transform: transform, transformed: dims)
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try conditioner.visitParameters(body)
    }
}
