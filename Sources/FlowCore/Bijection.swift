/// Name and shape of one parameter array, as it stands in a model file.
public struct ParameterInfo: Sendable, Equatable {
    /// Dotted path inside the flow, such as `layers.0.weights.1`.
    public var name: String
    /// Row-major shape; the product is the array's count.
    public var shape: [Int]
    /// Of a masked matrix: row `u` is zero, and stays zero, from column `reach[u]` on. Nil where nothing is masked.
    public var reach: [Int]?
    /// Part of the flow that is never trained, such as a permutation: its gradient is zero, and no average is taken of it, which
    /// rounding might move.
    public var isFixed: Bool

    public init(name: String, shape: [Int], reach: [Int]? = nil, isFixed: Bool = false) {
        self.name = name
        self.shape = shape
        self.reach = reach
        self.isFixed = isFixed
    }

    /// The same array inside another part of the flow.
    public func within(_ path: String) -> ParameterInfo {
        ParameterInfo(name: "\(path).\(name)", shape: shape, reach: reach, isFixed: isFixed)
    }
}

/// How the gradient of one parameter array is computed, some of its rows at a time, in any order and on any threads.
public struct ParameterGradient: Sendable {
    public var info: ParameterInfo
    /// Sets the gradient of the rows in the range, rows being elements of an array of one dimension.
    public var compute: @Sendable (Range<Int>, inout MutableSpan<Float>) -> Void

    public init(info: ParameterInfo, compute: @escaping @Sendable (Range<Int>, inout MutableSpan<Float>) -> Void) {
        self.info = info
        self.compute = compute
    }
}

/// A smooth one-to-one map with a tractable Jacobian determinant.
///
/// `forward` is data → latent, `inverse` latent → data. `logDet` belongs to the map just applied: a sum over
/// dimensions, one value per row, in nats. Every matrix here is `[batch, D]`. The bits of a row never depend on the
/// other rows of the matrix.
public protocol Bijection: Sendable {
    /// What ``backward(_:through:)`` needs to remember about one forward pass, and leaves for the gradients.
    associatedtype Tape: Sendable
    /// Event width `D`.
    var dims: Int { get }
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
    /// Visits the gradient of every parameter array, in the order of ``visitParameters(_:)``, from tapes that went through
    /// ``backward(_:through:)``: those of a batch that was cut into parts, in order, every part but the last of a multiple
    /// of ``partRows`` rows. Where the batch was cut changes no bit.
    func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void)

    /// Visits every parameter array, always in the same order. Optimisers, the moving average and the model file all
    /// go through here. Arrays keep their counts; entries that a mask holds at zero must stay zero (their gradients
    /// are zero).
    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows

    /// Whether the entries that a mask holds at zero are zero. A model file is refused when they are not: the two
    /// directions would be different maps.
    var holdsStructuralZeros: Bool { get }
    /// Sets those entries to zero.
    mutating func restoreStructuralZeros()
}

/// Rows by which a batch may be cut for ``Bijection/visitGradients(of:_:)``: a multiple of every vector's width.
public let partRows = 16

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

    /// Numbers in the parameter arrays that no mask holds at zero.
    public var parameterCount: Int {
        var count = 0
        var copy = self
        copy.visitParameters { info, _ in count += info.liveCount }
        return count
    }
}
