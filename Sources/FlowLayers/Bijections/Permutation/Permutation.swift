public import FlowCore

/// A fixed permutation of an event's dimensions, `z[j] = x[order[j]]`; the log-determinant is 0.
///
/// Multi-scale flows are made of such permutations: all dimensions stay in the event, and those that have left the flow stand
/// behind the image that goes on. So every latent is kept, and decoding is exact.
public struct Permutation: Bijection {
    /// Place in `x` of each dimension of `z`, `[D]`.
    let order: [Int]

    public var dims: Int { order.count }
    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .parallel }
    public var partRows: Int { 1 }

    /// - Parameter order: each of `0 ..< order.count` once.
    init(order: [Int]) {
        precondition(order.sorted() == Array(order.indices))
        self.order = order
    }

    private func permuted(_ x: Matrix, inverse: Bool) -> Matrix {
        var z = Matrix(rows: x.rows, columns: dims)
        let values = x.elements.span
        var span = z.elements.mutableSpan
        for first in stride(from: 0, to: values.count, by: dims) {
            for j in 0..<dims {
                let (from, to) = inverse ? (j, order[j]) : (order[j], j)
                span[first + to] = values[first + from]
            }
        }
        return z
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection { PackedPermutation(order) }

    /// An empty tape: the backward pass needs nothing.
    public struct Tape: Sendable {}

    public func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        try checkWidth(of: x, "x")
        return (permuted(x, inverse: false), Array(repeating: 0, count: x.rows), Tape())
    }

    public func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix {
        permuted(cotangent.dz, inverse: true)
    }

    public func tapeBytes(rows: Int) -> Int { 0 }

    public func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {}
    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {}
}
