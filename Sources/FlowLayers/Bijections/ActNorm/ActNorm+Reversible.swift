import Glibc
public import FlowCore

extension ActNorm: Reversible {
    public func inverseTaped(_ z: Matrix, context: Matrix?) throws -> (x: Matrix, logDet: [Float], tape: Tape) {
        try checkWidth(of: z, "z")
        try checkContext(context, rows: z.rows)
        let scale = logScale.map { exp(-$0) }
        var x = z
        var span = x.elements.mutableSpan
        for first in stride(from: 0, to: span.count, by: dims) {
            for j in 0..<dims { span[first + j] = span[first + j] * scale[j] - shift[j] }
        }
        let logDet = Array(repeating: -logScale.reduce(0, +), count: z.rows)
        return (x, logDet, Tape(z: z, dx: Matrix(rows: 0, columns: dims)))
    }

    /// Solves `dx = w · exp(logScale)` for `w`: the log-determinant does not depend on `x`.
    public func solveBackward(_ dx: Matrix, dLogDet: [Float], through tape: inout Tape) -> Matrix {
        let scale = logScale.map { exp(-$0) }
        var w = dx
        var span = w.elements.mutableSpan
        for first in stride(from: 0, to: span.count, by: dims) {
            for j in 0..<dims { span[first + j] *= scale[j] }
        }
        tape.dx = dx
        tape.dLogDet = dLogDet
        return w
    }
}
