import Glibc
public import FlowCore

/// Per-dimension affine map, `z = (x + shift) · exp(logScale)`.
///
///     logDet[r] = Σⱼ logScale[j]            the same for every row
///
/// Source: Kingma & Dhariwal, *Glow* (2018), §3.1, arXiv:1807.03039. Unlike the paper this layer acts on `[batch, D]`
/// rather than on image channels.
public struct ActNorm: Bijection {
    /// `[D]`.
    public var shift: [Float]
    /// `[D]`, nats.
    public var logScale: [Float]

    public var dims: Int { shift.count }
    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .parallel }

    /// The identity on `dims` dimensions.
    public init(dims: Int) {
        shift = Array(repeating: 0, count: dims)
        logScale = shift
    }

    /// Data-dependent initialisation: afterwards every dimension of `x` maps to mean 0 and standard deviation 1.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    public mutating func initialize(from x: Matrix) throws {
        try checkWidth(of: x, "x")
        precondition(x.rows > 0)
        for j in 0..<dims {
            let column = (0..<x.rows).map { Double(x[$0, j]) }
            let mean = column.reduce(0, +) / Double(x.rows)
            let variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.rows)
            shift[j] = Float(-mean)
            // A dimension that never varies is left at its scale.
            logScale[j] = variance > 0 ? Float(-0.5 * log(variance)) : 0
        }
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedActNorm(
            shift: shift, scale: logScale.map { exp($0) }, inverseScale: logScale.map { exp(-$0) },
            logDet: logScale.reduce(0, +))
    }

    public func forwardTaped(_ x: Matrix) throws -> (z: Matrix, logDet: [Float], tape: Matrix) {
        let (z, logDet) = try forward(x)
        return (z, logDet, z)
    }

    /// With `e = exp(logScale)`: `dx = dz·e`, `dShift = Σᵣ dz·e`, `dLogScale = Σᵣ (dz·z + dLogDet)`.
    public func backward(_ cotangent: Cotangent, through z: Matrix, into gradient: inout ActNorm) -> Matrix {
        var dx = cotangent.dz
        for j in 0..<dims {
            let scale = exp(logScale[j])
            var (dShift, dLogScale): (Float, Float) = (0, 0)
            for r in 0..<z.rows {
                let i = r * dims + j
                dx.elements[i] = cotangent.dz.elements[i] * scale
                dShift += dx.elements[i]
                dLogScale += cotangent.dz.elements[i] * z.elements[i] + cotangent.dLogDet[r]
            }
            gradient.shift[j] += dShift
            gradient.logScale[j] += dLogScale
        }
        return dx
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try body(ParameterInfo(name: "shift", shape: [dims]), &shift)
        try body(ParameterInfo(name: "log_scale", shape: [dims]), &logScale)
    }
}
