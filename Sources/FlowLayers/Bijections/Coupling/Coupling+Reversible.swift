public import FlowCore
import FlowKernels

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
