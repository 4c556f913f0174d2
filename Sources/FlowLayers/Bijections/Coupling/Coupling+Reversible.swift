import FlowKernels
import Glibc
public import FlowCore

// The sampling direction in training of maps whose directions are both parallel.

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

    /// `dx · exp(−logScale)`: the log-det is the same everywhere.
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

extension Coupling: Reversible {
    public func inverseTaped(
        _ z: Matrix, context: Matrix?
    ) throws -> (x: Matrix, logDet: [Float], tape: TransformTape) {
        try checkWidth(of: z, "z")
        try checkContext(context, rows: z.rows)
        var units = UnitMajor(z)
        let (parameters, tape) = conditioner.forwardTaped(units.every(2, from: parity), context: context)
        let latent = units.every(2, from: 1 - parity)
        var moved = UnitMajor(units: latent.units, rows: latent.rows)
        var logDet = [Float](repeating: 0, count: latent.stride)
        var span = moved.elements.mutableSpan
        var logDetSpan = logDet.mutableSpan
        Kernels.best.columns(
            transform, inverse: true, x: latent.elements.span, parameters: parameters.elements.span,
            rows: latent.stride, z: &span, logDet: &logDetSpan)
        units.setEvery(2, from: 1 - parity, moved)
        return (
            units.matrix(), Array(logDet[..<z.rows]), TransformTape(x: moved, parameters: parameters, network: tape)
        )
    }

    public func solveBackward(_ dx: Matrix, dLogDet: [Float], through tape: inout TransformTape) -> Matrix {
        var units = UnitMajor(dx)
        var moved = units.every(2, from: 1 - parity)
        let slope = transformGradients(tape, transform, value: 1, dLogDet: []).dx
        let tilt = transformGradients(tape, transform, value: 0, dLogDet: dLogDet).dx
        for i in moved.elements.indices {
            moved.elements[i] = (moved.elements[i] - tilt.elements[i]) / slope.elements[i]
        }
        let (_, dKey) = transformBackward(
            dz: moved, dLogDet: dLogDet, tape: &tape, transform: transform, network: conditioner)
        var key = units.every(2, from: parity)
        key.subtract(dKey)
        units.setEvery(2, from: 1 - parity, moved)
        units.setEvery(2, from: parity, key)
        return units.matrix()
    }
}

extension UnitMajor {
    fileprivate mutating func subtract(_ other: UnitMajor) {
        precondition(elements.count == other.elements.count)
        let less = other.elements.span
        var difference = elements.mutableSpan
        for i in 0..<difference.count { difference[i] -= less[i] }
    }
}
