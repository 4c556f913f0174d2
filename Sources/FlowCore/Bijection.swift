/// A smooth one-to-one map with a tractable Jacobian determinant.
///
/// `forward` is data → latent, `inverse` latent → data. `logDet` belongs to the map just applied: a sum over
/// dimensions, one value per row, in nats. Every matrix here is `[batch, D]`. The bits of a row never depend on the
/// other rows of the matrix.
public protocol Bijection: Parametrized {
    /// Width of the context that conditions every row, such as a class as one-hot; 0 for none.
    var contextDims: Int { get }
    /// Maps that this one applies one after another, data → latent; itself alone by default. Their parameters in turn are its
    /// own, so that training can go back through one of them at a time.
    var stages: [any Bijection] { get }
    /// Order over the dimensions in which data → latent is computed.
    var forwardOrder: ExecutionOrder { get }
    /// Order over the dimensions in which latent → data is computed.
    var inverseOrder: ExecutionOrder { get }

    /// Number of activations that convolutions make of a row, which say how many rows ``chainRows`` are; 0 without convolutions.
    var convolvedActivations: Int { get }

    /// Maps data to latents, `z = f(x)`, with `logDet[r] = log |det ∂z/∂x|` of row `r`, nats.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    func forward(_ x: Matrix) throws -> (z: Matrix, logDet: [Float])
    /// Maps data to latents in training, with a tape of what ``backward(_:through:)`` needs.
    /// - Parameter context: `[batch, contextDims]`, nil without a context.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``; ``FlowError/outOfRange(argument:value:allowed:)`` when
    ///   `context` has another number of rows than `x`.
    func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape)
    /// Maps latents to data, `x = f⁻¹(z)`, with `logDet[r] = log |det ∂x/∂z|` of row `r`, nats.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``; ``FlowError/cancelled`` when `isCancelled`
    ///   turned true, which sequential maps look at between blocks of dimensions.
    func inverse(_ z: Matrix, isCancelled: () -> Bool) throws -> (x: Matrix, logDet: [Float])
    /// Packs the weights as the kernels read them. Where many calls follow, keep the result, or a ``FlowEngine``.
    func packed(_ precision: WeightPrecision) -> any PackedBijection
    /// Bytes that the arrays of a tape of `rows` rows hold, before or after ``backward(_:through:)``, whichever is more.
    func tapeBytes(rows: Int) -> Int
    /// Pulls `(∂L/∂z, ∂L/∂logDet)` back to `∂L/∂x`, and leaves in the tape what the parameters' gradients are made of.
    func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix

    /// Whether the entries that a mask holds at zero are zero. A model file is refused when they are not: the two
    /// directions would be different maps.
    var holdsStructuralZeros: Bool { get }
    /// Sets the entries that a mask holds at zero to zero.
    mutating func restoreStructuralZeros()
}

/// Cotangent of a map's results: gradients of a loss `L` by the latents and by the log-determinants.
public struct Cotangent: Sendable {
    /// `∂L/∂z`, `[batch, D]`.
    public var dz: Matrix
    /// `∂L/∂logDet`, `[batch]`.
    public var dLogDet: [Float]

    /// - Parameter dLogDet: one value for each row of `dz`.
    public init(dz: Matrix, dLogDet: [Float]) {
        self.dz = dz
        self.dLogDet = dLogDet
    }
}

extension Bijection {
    /// Maps data to latents, with the weights packed for this one call.
    public func forward(_ x: Matrix) throws -> (z: Matrix, logDet: [Float]) {
        try FlowEngine(self).forward(x)
    }

    /// Maps latents to data, with the weights packed for this one call.
    public func inverse(_ z: Matrix, isCancelled: () -> Bool) throws -> (x: Matrix, logDet: [Float]) {
        try FlowEngine(self).inverse(z, isCancelled: isCancelled)
    }

    public var contextDims: Int { 0 }
    public var stages: [any Bijection] { [self] }
    public var convolvedActivations: Int { 0 }
    public var chainRows: Int {
        convolvedActivations == 0 ? .max : max(1, chainActivations / convolvedActivations)
    }

    /// Maps data to latents in training, for a map without a context.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    public func forwardTaped(_ x: Matrix) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        try forwardTaped(x, context: nil)
    }

    /// True, since a map without masks has no entry to hold at zero.
    public var holdsStructuralZeros: Bool { true }
    public mutating func restoreStructuralZeros() {}

    /// Refuses a matrix that is not `[batch, D]`.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    package func checkWidth(of matrix: Matrix, _ argument: String) throws {
        guard matrix.columns == dims else {
            throw FlowError.widthMismatch(argument: argument, expected: dims, actual: matrix.columns)
        }
    }

    /// Refuses a context that is not `[rows, contextDims]`, or nil where `contextDims` is 0.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``; ``FlowError/outOfRange(argument:value:allowed:)`` for
    ///   another number of rows.
    package func checkContext(_ context: Matrix?, rows: Int) throws {
        guard (context?.columns ?? 0) == contextDims else {
            throw FlowError.widthMismatch(argument: "context", expected: contextDims, actual: context?.columns ?? 0)
        }
        if let context, context.rows != rows {
            throw FlowError.outOfRange(argument: "rows of context", value: "\(context.rows)", allowed: "\(rows)")
        }
    }

    /// Computes every parameter's gradient, arrays in visiting order, from tapes that went through ``backward(_:through:)``.
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

/// Number of activations of the rows of a chain: enough rows for weights that are read once for all of them.
private let chainActivations = 1 << 23
