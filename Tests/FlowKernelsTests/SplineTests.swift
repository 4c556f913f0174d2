import FlowCore
import FlowKernels
import Testing

@Suite("Rational-quadratic splines")
struct SplineTests {
    /// Some numbers through the training kernel, and back through the panel kernel that inference uses.
    private struct Through {
        let x: [Float]
        let y: [Float]
        let logDerivative: [Float]
        let back: [Float]
        let inverseLogDerivative: [Float]

        /// - Parameter raw: `[x.count, parameterCount]`.
        init(_ kernels: Kernels, _ transform: UnivariateTransform, x: [Float], raw: [Float]) {
            self.x = x
            let count = transform.parameterCount
            let rows = (x.count + 15) / 16 * 16
            var columns = [Float](repeating: 0, count: count * rows)
            for r in x.indices { for j in 0..<count { columns[j * rows + r] = raw[r * count + j] } }
            var z = [Float](repeating: 0, count: rows)
            var logDet = z
            var zSpan = z.mutableSpan
            var logDetSpan = logDet.mutableSpan
            let padded = x + Array(repeating: 0, count: rows - x.count)
            kernels.transformForward(
                transform, x: padded.span, parameters: columns.span, rows: rows, z: &zSpan, logDet: &logDetSpan)
            y = Array(z[..<x.count])
            logDerivative = Array(logDet[..<x.count])
            (back, inverseLogDerivative) = Self.panel(kernels, transform, inverse: true, y, raw)
        }

        /// One dimension a row: each number is lane 0 of a panel.
        static func panel(
            _ kernels: Kernels, _ transform: UnivariateTransform, inverse: Bool, _ v: [Float], _ raw: [Float]
        ) -> ([Float], [Float]) {
            let count = transform.parameterCount
            var parameters = [Float](repeating: 0, count: 16 * count * v.count)
            for r in v.indices { for j in 0..<count { parameters[16 * (r * count + j)] = raw[r * count + j] } }
            var values = v
            var logDet = [Float](repeating: 0, count: v.count)
            kernels.transform(
                transform, inverse: inverse, parameters: parameters, parameterStride: 16 * count, rows: v.count,
                dims: 1, x: &values, offset: 0, stride: 1, step: 1, logDet: &logDet)
            return (values, logDet)
        }
    }

    static let sizes: [(bins: Int, bound: Float)] = [(2, 1), (8, 5), (64, 3)]

    /// Roundings of the knots move `y` by themselves times the slope, and `x` by themselves over it; on a log-derivative they
    /// work by what they are of a bin.
    @Test("forward and inverse equal the paper's formulas", arguments: InstructionSet.allCases, sizes)
    func formulas(_ set: InstructionSet, _ size: (bins: Int, bound: Float)) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.spline(bins: size.bins, tailBound: size.bound)
        var random = RandomStream(seed: 1, stream: 0)
        let x = (0..<500).map { _ in size.bound * 0.6 * random.normal() }
        let raw = (0..<500 * transform.parameterCount).map { _ in random.normal() }
        let through = Through(kernels, transform, x: x, raw: raw)
        for r in x.indices {
            let own = raw[r * transform.parameterCount..<(r + 1) * transform.parameterCount].map { Double($0) }
            let (y, logDerivative) = Reference.transform(transform, inverse: false, Double(x[r]), parameters: own)
            let slope = Reference.exp(logDerivative)
            let (bound, narrow) = (1.5e-6 * Double(size.bound), 7e-5 * Double(size.bins) / min(1, slope))
            #expect(abs(Double(through.y[r]) - y) <= bound * max(1, slope))
            #expect(abs(Double(through.logDerivative[r]) - logDerivative) <= narrow)
            let (back, inverse) = Reference.transform(transform, inverse: true, Double(through.y[r]), parameters: own)
            #expect(abs(Double(through.back[r]) - back) <= bound / min(1, slope))
            #expect(abs(Double(through.inverseLogDerivative[r]) - inverse) <= narrow)
            // the two directions have the same knots, to the bit
            #expect(Double(abs(through.back[r] - x[r])) <= 0.3 * bound / min(1, slope))
        }
    }

    @Test("the panel kernel has the bits of the training kernel, and leaves other lanes alone")
    func panels() throws {
        let transform = UnivariateTransform.spline(bins: 6, tailBound: 2)
        let count = transform.parameterCount
        var random = RandomStream(seed: 2, stream: 0)
        for set in InstructionSet.allCases {
            guard let kernels = Kernels(set) else { continue }
            for (dims, step, offset) in [(1, 1, 2), (16, 1, 0), (13, 1, 3), (16, 2, 0), (16, 2, 1), (7, 2, 1)] {
                let (rows, stride) = (16, 48)
                let x = (0..<rows * stride).map { _ in random.normal() }
                let parameters = (0..<rows * 16 * count).map { _ in random.normal() }
                var columns = [Float](repeating: 0, count: dims * count * rows)
                var input = [Float](repeating: 0, count: dims * rows)
                for r in 0..<rows {
                    for i in 0..<dims {
                        input[i * rows + r] = x[r * stride + offset + i * step]
                        for j in 0..<count {
                            columns[(i * count + j) * rows + r] = parameters[16 * (r * count + j) + i]
                        }
                    }
                }
                var expected = input
                var logDet = [Float](repeating: 0, count: rows)
                var span = expected.mutableSpan
                var logDetSpan = logDet.mutableSpan
                kernels.transformForward(
                    transform, x: input.span, parameters: columns.span, rows: rows, z: &span, logDet: &logDetSpan)
                var z = x
                var panelLogDet = [Float](repeating: 0, count: rows)
                kernels.transform(
                    transform, inverse: false, parameters: parameters, parameterStride: 16 * count, rows: rows,
                    dims: dims, x: &z, offset: offset, stride: stride, step: step, logDet: &panelLogDet)
                for r in 0..<rows {
                    // the two add in different orders
                    #expect(abs(panelLogDet[r] - logDet[r]) <= 1e-5)
                    for i in 0..<dims { #expect(z[r * stride + offset + i * step] == expected[i * rows + r]) }
                    let moved = Set((0..<dims).map { offset + $0 * step })
                    for c in 0..<stride where !moved.contains(c) { #expect(z[r * stride + c] == x[r * stride + c]) }
                }
            }
        }
    }

    @Test("zeros are the identity, and so is the outside", arguments: InstructionSet.allCases)
    func identity(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.spline(bins: 8, tailBound: 3)
        let x: [Float] = [-3, -2.25, -1.1, 0, 0.3, 1.5, 2.999, 3]
        let zeros = [Float](repeating: 0, count: x.count * transform.parameterCount)
        let through = Through(kernels, transform, x: x, raw: zeros)
        for r in x.indices {
            // two roundings of a number of size 3
            #expect(abs(through.y[r] - x[r]) <= 1e-6 && abs(through.logDerivative[r]) <= 1e-6)
        }
        let outside: [Float] = [-3.0001, 3.0001, -1e30, 1e30, .infinity, -.infinity]
        var random = RandomStream(seed: 3, stream: 0)
        let raw = (0..<outside.count * transform.parameterCount).map { _ in random.normal() }
        let far = Through(kernels, transform, x: outside, raw: raw)
        #expect(far.y == outside && far.back == outside)
        #expect(far.logDerivative.allSatisfy { $0 == 0 } && far.inverseLogDerivative.allSatisfy { $0 == 0 })
        #expect(Through(kernels, transform, x: [.nan], raw: Array(raw[..<transform.parameterCount])).y[0].isNaN)
    }

    /// Parameters as no training would give them: enormous, so that bins are as small and derivatives as large as can be, and
    /// numbers at knots, next to them, at the ends and beside them.
    @Test("the inverse never fails, whatever the parameters", arguments: InstructionSet.allCases, sizes)
    func adversary(_ set: InstructionSet, _ size: (bins: Int, bound: Float)) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.spline(bins: size.bins, tailBound: size.bound)
        let count = transform.parameterCount
        var random = RandomStream(seed: 4, stream: 0)
        let extremes: [Float] = [
            0, 1, -1, 30, -30, 87, -87, 1e3, -1e3, 1e4, -1e4, 1e20, -1e20, 3e38, -3e38, 1e-38, .leastNonzeroMagnitude,
        ]
        for trial in 0..<60 {
            let scale: Float = [1, 5, 50][trial % 3]
            let own = (0..<count).map { _ in
                trial < 30 ? extremes.randomElement(using: &random)! : scale * random.normal()
            }
            let spline = Reference.Spline(bins: size.bins, bound: Double(size.bound), own.map { Double($0) })
            var v: [Float] = []
            for knot in spline.x + spline.y {
                let knot = Float(knot)
                v += [knot.nextDown, knot, knot.nextUp]
            }
            v += (0..<50).map { _ in size.bound * (2 * random.uniform() - 1) }
            let raw = Array(repeating: own, count: v.count).flatMap { $0 }
            let (x, inverseLogDerivative) = Through.panel(kernels, transform, inverse: true, v, raw)
            let (y, logDerivative) = Through.panel(kernels, transform, inverse: false, x, raw)
            for r in v.indices {
                let inside = abs(v[r]) <= size.bound
                #expect(inside ? abs(x[r]) <= size.bound : x[r] == v[r], "\(v[r]) to \(x[r])")
                #expect(logDerivative[r].isFinite && inverseLogDerivative[r].isFinite)
                // Of x the nearest number is found: it gives y back but for what a rounding of x moves it by, at most the
                // largest slope of the spline, and the roundings of the way forward.
                let slope = max(exponential(logDerivative[r]), exponential(-inverseLogDerivative[r]), 1)
                #expect(abs(y[r] - v[r]) <= 4e-6 * size.bound * slope, "\(v[r]) to \(x[r]) to \(y[r])")
            }
            // forward and back, where x can be told from y
            let (z, forward) = Through.panel(kernels, transform, inverse: false, v, raw)
            let (back, _) = Through.panel(kernels, transform, inverse: true, z, raw)
            for r in v.indices {
                #expect(abs(z[r]) <= max(size.bound, abs(v[r])) && abs(back[r]) <= max(size.bound, abs(v[r])))
                if forward[r] > -2, trial >= 30, trial % 3 == 0 {
                    #expect(abs(back[r] - v[r]) <= 2e-5 * size.bound)
                }
            }
            // and never falling
            let sorted = v.sorted()
            let rising = Through.panel(kernels, transform, inverse: true, sorted, raw).0
            #expect(zip(rising, rising.dropFirst()).allSatisfy { $1 - $0 >= -2e-6 * size.bound })
        }
    }

    private func exponential(_ x: Float) -> Float { Float(Reference.exp(Double(x))) }

    /// Central differences of the twin in double precision.
    @Test("gradients equal differences of the formulas", arguments: InstructionSet.allCases, sizes)
    func gradients(_ set: InstructionSet, _ size: (bins: Int, bound: Float)) throws {
        guard let kernels = Kernels(set) else { return }
        let transform = UnivariateTransform.spline(bins: size.bins, tailBound: size.bound)
        let (count, dims, rows) = (transform.parameterCount, 3, 32)
        var random = RandomStream(seed: 5, stream: 0)
        func numbers(_ count: Int, _ scale: Float = 1) -> [Float] { (0..<count).map { _ in scale * random.normal() } }
        let x = numbers(dims * rows, 0.6 * size.bound)
        let parameters = numbers(dims * count * rows, 0.7)
        let (dz, dLogDet) = (numbers(dims * rows), numbers(rows))
        var dx = x
        var dParameters = parameters
        var dxSpan = dx.mutableSpan
        var dParametersSpan = dParameters.mutableSpan
        kernels.transformBackward(
            transform, dz: dz.span, dLogDet: dLogDet.span, x: x.span, parameters: parameters.span, rows: rows,
            dx: &dxSpan, dParameters: &dParametersSpan)
        for i in 0..<dims {
            for r in 0..<rows {
                let at = i * rows + r
                let own = (0..<count).map { Double(parameters[(i * count + $0) * rows + r]) }
                func loss(_ x: Double, _ own: [Double]) -> Double {
                    let (z, logDerivative) = Reference.transform(transform, inverse: false, x, parameters: own)
                    return Double(dz[at]) * z + Double(dLogDet[r]) * logDerivative
                }
                func isNear(_ value: Float, _ up: Double, _ down: Double, _ width: Double) -> Bool {
                    let expected = (up - down) / width
                    return abs(Double(value) - expected) <= 2e-3 * max(1, abs(expected), 0.1 * Double(size.bins))
                }
                let (value, step) = (Double(x[at]), 1e-6)
                #expect(isNear(dx[at], loss(value + step, own), loss(value - step, own), 2 * step))
                for j in 0..<count {
                    var (up, down) = (own, own)
                    up[j] += step
                    down[j] -= step
                    let gradient = dParameters[(i * count + j) * rows + r]
                    #expect(isNear(gradient, loss(value, up), loss(value, down), 2 * step), "parameter \(j)")
                }
            }
        }
    }
}
