import Glibc
public import FlowCore
import FlowKernels

/// An invertible 1×1 convolution with Glow's activation normalisation in it: a linear map of the channels of every pixel,
/// `z[p] = W (x[p] + shift)`, with `W = P L (U + diag(sign · exp logScale))`.
///
///     logDet[r] = height · width · Σ logScale
///
/// `P` is a permutation and `sign` are signs, both fixed at the start, `L` is lower triangular with ones on its diagonal, `U`
/// strictly upper triangular. `P` and `sign` follow from a random rotation, as the other factors' start does; they are
/// stored as parameters that never move, so that a model file holds them.
///
/// Source: Kingma & Dhariwal, *Glow* (2018), §3.1 and §3.2, arXiv:1807.03039. Unlike the paper's two layers there is one scale a
/// channel, that of the diagonal: initialisation from data divides the rows of `W` by the standard deviations of what they give.
public struct InvertibleConvolution: Bijection {
    public let dims: Int
    let layout: ImageLayout
    /// Shift of each channel, `[channels]`, added before the convolution.
    public var shift: [Float]
    /// Factor `L`, `[channels, channels]`, row-major; only what lies below the diagonal counts.
    var lower: [Float]
    /// Factor `U`, `[channels, channels]`, row-major; only what lies above the diagonal counts.
    var upper: [Float]
    /// Logarithm of the diagonal's sizes, `[channels]`, nats.
    public var logScale: [Float]
    /// Row of `L U` that each output channel is, `[channels]`: whole numbers, never trained.
    var permutation: [Float]
    /// Signs of the diagonal, `[channels]`: 1 or −1, never trained.
    var sign: [Float]

    /// Largest number of channels: every entry of `permutation` is exact in every type of a model file, bfloat16 among them.
    static let mostChannels = 256

    public var forwardOrder: ExecutionOrder { .parallel }
    public var inverseOrder: ExecutionOrder { .parallel }
    public var partRows: Int { 1 }
    var channels: Int { layout.channels }

    /// A random rotation of the channels; without `random` the identity, to be filled from a file.
    package init(dims: Int, layout: ImageLayout, random: inout RandomStream?) {
        self.dims = dims
        self.layout = layout
        let n = layout.channels
        shift = Array(repeating: 0, count: n)
        logScale = shift
        permutation = (0..<n).map { Float($0) }
        sign = Array(repeating: 1, count: n)
        lower = Array(repeating: 0, count: n * n)
        upper = lower
        if random != nil { factorize(Self.rotation(n, &random!)) }
    }

    /// Draws the rows of a random orthogonal matrix, by Gram and Schmidt on normals.
    private static func rotation(_ n: Int, _ random: inout RandomStream) -> [[Double]] {
        var rows: [[Double]] = []
        while rows.count < n {
            var row = (0..<n).map { _ in Double(random.normal()) }
            for other in rows {
                let along = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
                for i in 0..<n { row[i] -= along * other[i] }
            }
            let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 1e-3 { rows.append(row.map { $0 / norm }) }
        }
        return rows
    }

    /// Sets the factors of an invertible matrix, by elimination with partial pivoting: row `i` of `PᵀW` is row `order[i]` of `W`.
    private mutating func factorize(_ matrix: [[Double]]) {
        let n = channels
        var a = matrix
        var order = Array(0..<n)
        for k in 0..<n {
            let pivot = (k..<n).max { abs(a[$0][k]) < abs(a[$1][k]) }!  // k < n
            a.swapAt(k, pivot)
            order.swapAt(k, pivot)
            for i in k + 1..<n {
                a[i][k] /= a[k][k]
                for j in k + 1..<n { a[i][j] -= a[i][k] * a[k][j] }
            }
        }
        for i in 0..<n {
            permutation[order[i]] = Float(i)
            sign[i] = a[i][i] < 0 ? -1 : 1
            logScale[i] = Float(log(abs(a[i][i])))
            for j in 0..<n {
                if j < i { lower[i * n + j] = Float(a[i][j]) }
                if j > i { upper[i * n + j] = Float(a[i][j]) }
            }
        }
    }

    /// Initialises from data: afterwards every channel of `x` maps to mean 0 and standard deviation 1.
    /// - Throws: ``FlowError/widthMismatch(argument:expected:actual:)``.
    package mutating func initialize(from x: Matrix) throws {
        try checkWidth(of: x, "x")
        let (n, pixels) = (channels, layout.pixels)
        let count = Double(x.rows * pixels)
        var means = [Double](repeating: 0, count: n)
        var products = [Double](repeating: 0, count: n * n)
        func forEachPixel(_ body: (Int) -> Void) {
            for r in 0..<x.rows { for p in 0..<pixels { body(r * dims + p * n) } }
        }
        forEachPixel { first in for c in 0..<n { means[c] += Double(x.elements[first + c]) } }
        for c in 0..<n { means[c] /= count }
        forEachPixel { first in
            for i in 0..<n {
                let a = Double(x.elements[first + i]) - means[i]
                for j in 0..<n { products[i * n + j] += a * (Double(x.elements[first + j]) - means[j]) }
            }
        }
        shift = means.map { Float(-$0) }
        let weights = matrix().map { Double($0) }
        let rows = (0..<n).map { i -> [Double] in
            let row = Array(weights[i * n..<(i + 1) * n])
            var variance = 0.0
            for j in 0..<n { for k in 0..<n { variance += row[j] * row[k] * products[j * n + k] / count } }
            // a channel that never varies is left at its scale
            return variance > 1e-12 ? row.map { $0 / variance.squareRoot() } : row
        }
        factorize(rows)
    }

    /// Computes `W`, `[channels, channels]`, row-major.
    private func matrix() -> [Float] {
        let n = channels
        var w = [Float](repeating: 0, count: n * n)
        for output in 0..<n {
            let i = Int(permutation[output])
            for j in 0..<n {
                var sum = 0.0
                for k in 0...min(i, j) {
                    let l = k == i ? 1 : Double(lower[i * n + k])
                    let u = k == j ? diagonal(k) : Double(upper[k * n + j])
                    sum += l * u
                }
                w[output * n + j] = Float(sum)
            }
        }
        return w
    }

    private func diagonal(_ k: Int) -> Double { Double(sign[k]) * exp(Double(logScale[k])) }

    /// Computes `W⁻¹`, `[channels, channels]`, row-major, by solving for every unit vector.
    private func inverseMatrix() -> [Float] {
        let n = channels
        var w = [Float](repeating: 0, count: n * n)
        for output in 0..<n {
            var v = [Double](repeating: 0, count: n)
            v[Int(permutation[output])] = 1
            for i in 0..<n { for k in 0..<i { v[i] -= Double(lower[i * n + k]) * v[k] } }
            for i in (0..<n).reversed() {
                for k in i + 1..<n { v[i] -= Double(upper[i * n + k]) * v[k] }
                v[i] /= diagonal(i)
            }
            for i in 0..<n { w[i * n + output] = Float(v[i]) }
        }
        return w
    }

    private var logDet: Float { Float(Double(layout.pixels) * logScale.reduce(0) { $0 + Double($1) }) }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        PackedInvertibleConvolution(
            dims: dims, layout: layout, shift: shift, weights: matrix(), inverseWeights: inverseMatrix(), logDet: logDet
        )
    }

    /// Tape of a forward pass, with the gradients by its results and its input after the backward pass.
    public struct Tape: Sendable {
        /// Input of the convolution, `x + shift`, `[batch, D]`.
        var shifted: Matrix
        var dz: Matrix
        var dx: Matrix
        var dLogDet: [Float] = []
    }

    public func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        try checkWidth(of: x, "x")
        let (n, pixels) = (channels, layout.pixels)
        let weights = matrix()
        var (shifted, z) = (x, x)
        for r in 0..<x.rows {
            for p in 0..<pixels {
                let first = r * dims + p * n
                for c in 0..<n { shifted.elements[first + c] += shift[c] }
                multiply(weights, shifted.elements, first, &z.elements)
            }
        }
        let none = Matrix(rows: 0, columns: dims)
        return (z, Array(repeating: logDet, count: x.rows), Tape(shifted: shifted, dz: none, dx: none))
    }

    /// Multiplies the channels of the pixel at `first` by a matrix, `[channels, channels]`.
    private func multiply(_ weights: [Float], _ x: [Float], _ first: Int, _ z: inout [Float]) {
        let n = channels
        for i in 0..<n {
            var sum: Float = 0
            for j in 0..<n { sum += weights[i * n + j] * x[first + j] }
            z[first + i] = sum
        }
    }

    public func tapeBytes(rows: Int) -> Int { 4 * rows * (3 * dims + 1) }

    public func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix {
        let (n, pixels) = (channels, layout.pixels)
        let weights = matrix()
        let transposed = (0..<n * n).map { weights[$0 % n * n + $0 / n] }
        var dx = cotangent.dz
        for r in 0..<dx.rows {
            for p in 0..<pixels { multiply(transposed, cotangent.dz.elements, r * dims + p * n, &dx.elements) }
        }
        tape.dz = cotangent.dz
        tape.dx = dx
        tape.dLogDet = cotangent.dLogDet
        return dx
    }

    /// Computes `∂L/∂W = Σ dz (x + shift)ᵀ` over rows and pixels, and from it the gradients by the factors.
    private func factorGradients(_ tapes: [Tape]) -> (lower: [Float], upper: [Float], logScale: [Float]) {
        let (n, pixels) = (channels, layout.pixels)
        // the gradient by PᵀW = L (U + diagonal)
        var d = [Double](repeating: 0, count: n * n)
        for tape in tapes {
            let (dz, x) = (tape.dz.elements.span, tape.shifted.elements.span)
            for r in 0..<tape.dz.rows {
                for p in 0..<pixels {
                    let first = r * dims + p * n
                    for output in 0..<n {
                        let row = Int(permutation[output]) * n
                        let a = Double(dz[first + output])
                        for j in 0..<n { d[row + j] += a * Double(x[first + j]) }
                    }
                }
            }
        }
        let dLogDet = tapes.reduce(0) { $1.dLogDet.reduce($0) { $0 + Double($1) } }
        var (dLower, dUpper) = ([Float](repeating: 0, count: n * n), [Float](repeating: 0, count: n * n))
        var dLogScale = [Float](repeating: 0, count: n)
        for i in 0..<n {
            for k in 0..<i {
                // dL = dM Rᵀ with R = U + diagonal
                var sum = d[i * n + k] * diagonal(k)
                for j in k + 1..<n { sum += d[i * n + j] * Double(upper[k * n + j]) }
                dLower[i * n + k] = Float(sum)
            }
            for j in i..<n {
                // dR = Lᵀ dM
                var sum = d[i * n + j]
                for k in i + 1..<n { sum += Double(lower[k * n + i]) * d[k * n + j] }
                if j == i {
                    dLogScale[i] = Float(sum * diagonal(i) + Double(pixels) * dLogDet)
                } else {
                    dUpper[i * n + j] = Float(sum)
                }
            }
        }
        return (dLower, dUpper, dLogScale)
    }

    public func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        let (n, pixels) = (channels, layout.pixels)
        let factors = factorGradients(tapes)
        var dShift = [Float](repeating: 0, count: n)
        for tape in tapes {
            for r in 0..<tape.dx.rows {
                for p in 0..<pixels { for c in 0..<n { dShift[c] += tape.dx.elements[r * dims + p * n + c] } }
            }
        }
        let zeros = [Float](repeating: 0, count: n)
        let all = [dShift, factors.lower, factors.upper, factors.logScale, zeros, zeros]
        for (info, values) in zip(infos, all) {
            let columns = info.shape.dropFirst().reduce(1, *)
            body(
                ParameterGradient(info: info) { rows, gradient in
                    for i in 0..<gradient.count { gradient[i] = values[rows.lowerBound * columns + i] }
                })
        }
    }

    private var infos: [ParameterInfo] {
        let n = channels
        return [
            ParameterInfo(name: "shift", shape: [n]), ParameterInfo(name: "lower", shape: [n, n]),
            ParameterInfo(name: "upper", shape: [n, n]), ParameterInfo(name: "log_scale", shape: [n]),
            ParameterInfo(name: "permutation", shape: [n], isFixed: true),
            ParameterInfo(name: "sign", shape: [n], isFixed: true),
        ]
    }

    /// Computes the number of parameters of a convolution with so many channels; nil where it overflows.
    static func parameterCount(channels n: Int) -> Int? {
        let (square, overflow) = n.multipliedReportingOverflow(by: n)
        return overflow || square > Int.max / 4 ? nil : 2 * square + 4 * n
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        let infos = infos
        try body(infos[0], &shift)
        try body(infos[1], &lower)
        try body(infos[2], &upper)
        try body(infos[3], &logScale)
        try body(infos[4], &permutation)
        try body(infos[5], &sign)
    }

    /// Whether the factors have zeros where they are triangular, `permutation` is one, and signs are ±1.
    public var holdsStructuralZeros: Bool {
        let n = channels
        let triangular = (0..<n * n).allSatisfy { i in
            (i / n > i % n || lower[i] == 0) && (i / n < i % n || upper[i] == 0)
        }
        return triangular && permutation.sorted() == (0..<n).map { Float($0) } && sign.allSatisfy { abs($0) == 1 }
    }

    public mutating func restoreStructuralZeros() {
        let n = channels
        for i in 0..<n * n {
            if i / n <= i % n { lower[i] = 0 }
            if i / n >= i % n { upper[i] = 0 }
        }
        // ranks: what is a permutation stays as it is
        let rising = permutation.indices.sorted { permutation[$0] < permutation[$1] }
        for (rank, i) in rising.enumerated() { permutation[i] = Float(rank) }
        sign = sign.map { $0 < 0 ? -1 : 1 }
    }
}
