/// Name and shape of one parameter array, as it stands in a model file.
public struct ParameterInfo: Sendable, Equatable {
    /// Dotted path inside the flow, such as `layers.0.weights.1`.
    public var name: String
    /// Row-major shape; the product is the array's count.
    public var shape: [Int]

    public init(name: String, shape: [Int]) {
        self.name = name
        self.shape = shape
    }
}

/// A smooth one-to-one map with a tractable Jacobian determinant.
///
/// `forward` is data → latent, `inverse` latent → data. `logDet` belongs to the map just applied: a sum over
/// dimensions, one value per row, in nats. Every matrix here is `[batch, D]`. The bits of a row never depend on the
/// other rows of the matrix.
public protocol Bijection: Sendable {
    /// What ``backward(_:through:into:)`` needs to remember about one forward pass.
    associatedtype Tape: Sendable
    /// Event width `D`.
    var dims: Int { get }
    /// How the two directions are ordered over dimensions.
    var forwardOrder: ExecutionOrder { get }
    var inverseOrder: ExecutionOrder { get }

    /// Data → latent, `z = f(x)`, with `logDet[r] = log |det ∂z/∂x|` of row `r`.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    func forward(_ x: Matrix) throws -> (z: Matrix, logDet: [Float])
    /// The same, remembering what ``backward(_:through:into:)`` needs.
    func forwardTaped(_ x: Matrix) throws -> (z: Matrix, logDet: [Float], tape: Tape)
    /// Latent → data, `x = f⁻¹(z)`, with `logDet[r] = log |det ∂x/∂z|` of row `r`.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``; ``FlowError/cancelled`` when `isCancelled`
    ///   turned true, which sequential maps look at between blocks of dimensions.
    func inverse(_ z: Matrix, isCancelled: () -> Bool) throws -> (x: Matrix, logDet: [Float])
    /// The map with its weights as the kernels read them; hold on to it, or to a ``FlowEngine``, where many calls follow.
    func packed(_ precision: WeightPrecision) -> any PackedBijection
    /// Pulls `(∂L/∂z, ∂L/∂logDet)` back to `∂L/∂x`, adding parameter gradients to `gradient`.
    func backward(_ cotangent: Cotangent, through tape: Tape, into gradient: inout Self) -> Matrix

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

    /// Maps without masks have nothing to hold.
    public var holdsStructuralZeros: Bool { true }
    public mutating func restoreStructuralZeros() {}

    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)`` unless `matrix` is `[batch, D]`.
    package func checkWidth(of matrix: Matrix, _ argument: String) throws {
        guard matrix.columns == dims else {
            throw FlowError.widthMismatch(argument: argument, expected: dims, actual: matrix.columns)
        }
    }

    /// A flow of the same shape with every parameter zero: where gradients are added up.
    public func zeroed() -> Self {
        var copy = self
        copy.visitParameters { _, values in values = Array(repeating: 0, count: values.count) }
        return copy
    }

    public var parameterCount: Int {
        var count = 0
        var copy = self
        copy.visitParameters { _, values in count += values.count }
        return count
    }
}
