/// A smooth one-to-one map with a tractable Jacobian determinant.
///
/// `forward` is data → latent, `inverse` latent → data. `logDet` belongs to the map just applied: a sum over
/// dimensions, one value per row, in nats. Every matrix here is `[batch, D]`. The bits of a row never depend on the
/// other rows of the matrix.
public protocol Bijection: Parametrized {
    /// Numbers of the context that conditions every row, such as a class as one-hot; 0 for none.
    var contextDims: Int { get }
    /// The maps that this one applies one after another, data → latent; their parameters in turn are its own. Training can then
    /// go back through one of them at a time.
    var stages: [any Bijection] { get }
    /// How the two directions are ordered over dimensions.
    var forwardOrder: ExecutionOrder { get }
    var inverseOrder: ExecutionOrder { get }

    /// Data → latent, `z = f(x)`, with `logDet[r] = log |det ∂z/∂x|` of row `r`.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    func forward(_ x: Matrix) throws -> (z: Matrix, logDet: [Float])
    /// The same for training, remembering what ``backward(_:through:)`` needs.
    /// - Parameter context: `[batch, contextDims]`, nil without a context.
    func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape)
    /// Latent → data, `x = f⁻¹(z)`, with `logDet[r] = log |det ∂x/∂z|` of row `r`.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``; ``FlowError/cancelled`` when `isCancelled`
    ///   turned true, which sequential maps look at between blocks of dimensions.
    func inverse(_ z: Matrix, isCancelled: () -> Bool) throws -> (x: Matrix, logDet: [Float])
    /// The map with its weights as the kernels read them; hold on to it, or to a ``FlowEngine``, where many calls follow.
    func packed(_ precision: WeightPrecision) -> any PackedBijection
    /// Bytes that the arrays of a tape of `rows` rows hold, before or after ``backward(_:through:)``, whichever is more.
    func tapeBytes(rows: Int) -> Int
    /// Pulls `(∂L/∂z, ∂L/∂logDet)` back to `∂L/∂x`, and leaves in the tape what the parameters' gradients are made of.
    func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix

    /// Whether the entries that a mask holds at zero are zero. A model file is refused when they are not: the two
    /// directions would be different maps.
    var holdsStructuralZeros: Bool { get }
    /// Sets those entries to zero.
    mutating func restoreStructuralZeros()
}

/// `∂L/∂z`, `[batch, D]`, and `∂L/∂logDet`, `[batch]`.
public struct Cotangent: Sendable {
    public var dz: Matrix
    public var dLogDet: [Float]

    public init(dz: Matrix, dLogDet: [Float]) {
        self.dz = dz
        self.dLogDet = dLogDet
    }
}

extension Bijection {
    /// Packs the weights for this one call.
    public func forward(_ x: Matrix) throws -> (z: Matrix, logDet: [Float]) {
        try FlowEngine(self).forward(x)
    }

    /// Packs the weights for this one call.
    public func inverse(_ z: Matrix, isCancelled: () -> Bool) throws -> (x: Matrix, logDet: [Float]) {
        try FlowEngine(self).inverse(z, isCancelled: isCancelled)
    }

    public var contextDims: Int { 0 }
    public var stages: [any Bijection] { [self] }

    /// ``forwardTaped(_:context:)`` of a map without a context.
    public func forwardTaped(_ x: Matrix) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        try forwardTaped(x, context: nil)
    }

    /// Maps without masks have nothing to hold.
    public var holdsStructuralZeros: Bool { true }
    public mutating func restoreStructuralZeros() {}

    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)`` unless `matrix` is `[batch, D]`.
    package func checkWidth(of matrix: Matrix, _ argument: String) throws {
        guard matrix.columns == dims else {
            throw FlowError.widthMismatch(argument: argument, expected: dims, actual: matrix.columns)
        }
    }

    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)`` unless `context` is `[rows, contextDims]`, or nil
    ///   where that is 0.
    package func checkContext(_ context: Matrix?, rows: Int) throws {
        guard (context?.columns ?? 0) == contextDims else {
            throw FlowError.widthMismatch(argument: "context", expected: contextDims, actual: context?.columns ?? 0)
        }
        if let context, context.rows != rows {
            throw FlowError.outOfRange(argument: "rows of context", value: "\(context.rows)", allowed: "\(rows)")
        }
    }

    /// Every parameter's gradient, arrays in visiting order, from tapes that went through ``backward(_:through:)``.
    public func gradients(of tapes: [Tape]) -> [[Float]] {
        var arrays: [[Float]] = []
        visitGradients(of: tapes) { gradient in
            var values = [Float](repeating: 0, count: gradient.info.shape.reduce(1, *))
            var span = values.mutableSpan
            gradient.compute(0..<gradient.info.shape[0], &span)
            arrays.append(values)
        }
        return arrays
    }
}
