import Glibc
public import FlowCore

/// Activation normalisation: an affine map of each dimension, `z = (x + shift) · exp(logScale)`.
///
///     logDet[r] = Σⱼ logScale[j]            the same for every row
///
/// Source: Kingma & Dhariwal, *Glow* (2018), §3.1, arXiv:1807.03039. Unlike the paper this layer acts on `[batch, D]`
/// rather than on image channels.
public struct ActNorm: Bijection {
    /// Shift of each dimension, `[D]`.
    public var shift: [Float]
    /// Log-scale of each dimension, `[D]`, nats.
    public var logScale: [Float]

    public var dims: Int { shift.count }
    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .parallel }
    public var partRows: Int { 1 }

    /// The identity on `dims` dimensions.
    public init(dims: Int) {
        shift = Array(repeating: 0, count: dims)
        logScale = shift
    }

    /// Initialises from data: afterwards every dimension of `x` maps to mean 0 and standard deviation 1.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    public mutating func initialize(from x: Matrix) throws { try initialize(from: x, channels: dims) }

    /// Initialises from images, `[batch, pixels, channels]`: afterwards every channel of `x` has mean 0 and standard deviation 1 over all
    /// pixels, whose maps are the same.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    package mutating func initialize(from x: Matrix, channels: Int) throws {
        try checkWidth(of: x, "x")
        precondition(x.rows > 0 && dims % channels == 0)
        let count = Double(x.rows * (dims / channels))
        for c in 0..<channels {
            func sum(_ value: (Double) -> Double) -> Double {
                var sum = 0.0
                for r in 0..<x.rows {
                    for j in stride(from: c, to: dims, by: channels) { sum += value(Double(x[r, j])) }
                }
                return sum
            }
            let mean = sum { $0 } / count
            let variance = sum { ($0 - mean) * ($0 - mean) } / count
            for j in stride(from: c, to: dims, by: channels) {
                shift[j] = Float(-mean)
                // A dimension that never varies is left at its scale.
                logScale[j] = variance > 0 ? Float(-0.5 * log(variance)) : 0
            }
        }
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedActNorm(
            shift: shift, scale: logScale.map { exp($0) }, inverseScale: logScale.map { exp(-$0) },
            logScale: logScale, logDet: logScale.reduce(0, +))
    }

    /// Result of a forward pass, with `∂L/∂x` and `∂L/∂logDet` after the backward pass.
    public struct Tape: Sendable {
        var z: Matrix
        var dx: Matrix
        var dLogDet: [Float] = []
    }

    public func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        try checkWidth(of: x, "x")
        try checkContext(context, rows: x.rows)
        let scale = logScale.map { exp($0) }
        var z = x
        var span = z.elements.mutableSpan
        for first in stride(from: 0, to: span.count, by: dims) {
            for j in 0..<dims { span[first + j] = (span[first + j] + shift[j]) * scale[j] }
        }
        let logDet = Array(repeating: logScale.reduce(0, +), count: x.rows)
        return (z, logDet, Tape(z: z, dx: Matrix(rows: 0, columns: dims)))
    }

    public func tapeBytes(rows: Int) -> Int { 4 * rows * (2 * dims + 1) }

    /// Pulls a cotangent back, `dx = dz · exp(logScale)`.
    public func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix {
        let scale = logScale.map { exp($0) }
        tape.dx = cotangent.dz
        var span = tape.dx.elements.mutableSpan
        for first in stride(from: 0, to: span.count, by: dims) {
            for j in 0..<dims { span[first + j] *= scale[j] }
        }
        tape.dLogDet = cotangent.dLogDet
        return tape.dx
    }

    /// Visits the gradients `dShift = Σᵣ dx` and `dLogScale = Σᵣ (dz · z + dLogDet)`, with `dz = dx · exp(−logScale)`.
    public func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        let dims = dims
        body(
            ParameterGradient(info: infos.shift) { range, gradient in
                for i in 0..<range.count { gradient[i] = 0 }
                for tape in tapes {
                    let dx = tape.dx.elements.span
                    for first in stride(from: range.lowerBound, to: dx.count, by: dims) {
                        for i in 0..<range.count { gradient[i] += dx[first + i] }
                    }
                }
            })
        let inverseScale = logScale.map { exp(-$0) }
        body(
            ParameterGradient(info: infos.logScale) { range, gradient in
                for i in 0..<range.count { gradient[i] = 0 }
                for tape in tapes {
                    let (dx, z) = (tape.dx.elements.span, tape.z.elements.span)
                    for r in 0..<tape.dx.rows {
                        let first = r * dims + range.lowerBound
                        for i in 0..<range.count { gradient[i] += dx[first + i] * z[first + i] }
                    }
                }
                let dLogDet = tapes.reduce(0) { $1.dLogDet.reduce($0, +) }
                for i in 0..<range.count {
                    gradient[i] = gradient[i] * inverseScale[range.lowerBound + i] + dLogDet
                }
            })
    }

    private var infos: (shift: ParameterInfo, logScale: ParameterInfo) {
        (ParameterInfo(name: "shift", shape: [dims]), ParameterInfo(name: "log_scale", shape: [dims]))
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try body(infos.shift, &shift)
        try body(infos.logScale, &logScale)
    }
}
