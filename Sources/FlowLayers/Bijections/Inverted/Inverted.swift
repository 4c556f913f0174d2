public import FlowCore

/// A bijection whose sampling direction can be trained too: ``Inverted`` exchanges its directions.
///
/// Both requirements are about the same tape, that of the forward pass, so that there is one set of gradients.
public protocol Reversible: Bijection {
    /// Maps latents to data, `x = f⁻¹(z)`, with `logDet[r] = log |det ∂x/∂z|` of row `r`, nats, and the tape that
    /// ``Bijection/forwardTaped(_:context:)`` leaves of `x`.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``; ``FlowError/outOfRange(argument:value:allowed:)`` when
    ///   `context` has another number of rows than `z`.
    func inverseTaped(_ z: Matrix, context: Matrix?) throws -> (x: Matrix, logDet: [Float], tape: Tape)
    /// Solves for the `w` with which ``Bijection/backward(_:through:)`` pulls `(w, dLogDet)` back to `dx`, both `[batch, D]`;
    /// leaves the tape as that does.
    ///
    /// With the Jacobian `J = ∂z/∂x` it is `w = J⁻ᵀ (dx − dLogDet · ∂ log|det J|/∂x)`.
    func solveBackward(_ dx: Matrix, dLogDet: [Float], through tape: inout Tape) -> Matrix
}

/// A map with its directions exchanged: its `forward` is the `inverse` of ``map``. Parameters, their names and their order are
/// those of ``map``.
///
///     logDet[r] = −log |det ∂m/∂z|, at the z for which m(z) = x
///
/// **Gradients.** With `z = m⁻¹(x; θ)` and `J = ∂m/∂z` at `z`, a loss's cotangents `(g, l)` of `z` and `logDet` give
///
///     v = J⁻ᵀ (g − l · ∂ log|det J|/∂z)      the loss by x
///     −(∂m/∂θ)ᵀ v − l · ∂ log|det J|/∂θ       the loss by the parameters
///
/// the second being what the backward pass of `m` makes of the cotangents `(−v, −l)`, and the first their solution: they are
/// those that `m` pulls back to `−g`.
public struct Inverted<Map: Reversible>: Reversible {
    /// The map whose inverse this one is.
    public var map: Map

    /// The inverse of `map`.
    public init(_ map: Map) { self.map = map }

    public var dims: Int { map.dims }
    public var contextDims: Int { map.contextDims }
    public var forwardOrder: ExecutionOrder { map.inverseOrder }
    public var inverseOrder: ExecutionOrder { map.forwardOrder }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection { PackedInverse(map.packed(precision)) }

    public func forwardTaped(
        _ x: Matrix, context: Matrix?
    ) throws -> (z: Matrix, logDet: [Float], tape: Map.Tape) {
        try checkWidth(of: x, "x")
        let (z, logDet, tape) = try map.inverseTaped(x, context: context)
        return (z, logDet, tape)
    }

    public func backward(_ cotangent: Cotangent, through tape: inout Map.Tape) -> Matrix {
        -map.solveBackward(-cotangent.dz, dLogDet: cotangent.dLogDet.map { -$0 }, through: &tape)
    }

    public func inverseTaped(
        _ z: Matrix, context: Matrix?
    ) throws -> (x: Matrix, logDet: [Float], tape: Map.Tape) {
        try checkWidth(of: z, "z")
        let (x, logDet, tape) = try map.forwardTaped(z, context: context)
        return (x, logDet, tape)
    }

    public func solveBackward(_ dx: Matrix, dLogDet: [Float], through tape: inout Map.Tape) -> Matrix {
        -map.backward(Cotangent(dz: -dx, dLogDet: dLogDet.map { -$0 }), through: &tape)
    }

    public func tapeBytes(rows: Int) -> Int { map.tapeBytes(rows: rows) }

    public func visitGradients(of tapes: [Map.Tape], _ body: (ParameterGradient) -> Void) {
        map.visitGradients(of: tapes, body)
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try map.visitParameters(body)
    }

    public var holdsStructuralZeros: Bool { map.holdsStructuralZeros }
    public mutating func restoreStructuralZeros() { map.restoreStructuralZeros() }
}

private prefix func - (matrix: Matrix) -> Matrix {
    Matrix(rows: matrix.rows, columns: matrix.columns, elements: matrix.elements.map { -$0 })
}
