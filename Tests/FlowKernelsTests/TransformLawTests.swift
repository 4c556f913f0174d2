import FlowCore
import FlowKernels
import Testing

/// Every univariate transform is a row here.
struct TransformCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let transform: UnivariateTransform
    /// Standard deviation of the numbers that go through it.
    var spread: Float = 1

    static let all = [
        TransformCase(testDescription: "affine", transform: .affine(logScaleBound: 3)),
        TransformCase(testDescription: "affine by softplus", transform: .softplusAffine),
        TransformCase(testDescription: "affine by the logistic function", transform: .logisticAffine),
        TransformCase(testDescription: "shift", transform: .shift),
        TransformCase(testDescription: "spline of 2 bins", transform: .spline(bins: 2, tailBound: 3), spread: 2),
        TransformCase(testDescription: "spline of 9 bins", transform: .spline(bins: 9, tailBound: 2)),
        TransformCase(testDescription: "mixture of 2", transform: .mixture(components: 2, scaleBound: 3), spread: 3),
        TransformCase(testDescription: "mixture of 7", transform: .mixture(components: 7, scaleBound: 7)),
    ]
}

/// What holds of every transform, in every instruction set: the kernels against their twins in double precision.
@Suite("Laws of univariate transforms")
struct TransformLawTests {
    private let dims = 3
    private let rows = 32

    private func numbers(_ count: Int, seed: UInt64, _ scale: Float = 1) -> [Float] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<count).map { _ in scale * random.normal() }
    }

    private func columns(
        _ kernels: Kernels, _ transform: UnivariateTransform, inverse: Bool, _ x: [Float], _ parameters: [Float],
        rows: Int
    ) -> (z: [Float], logDet: [Float]) {
        var z = x
        var logDet = [Float](repeating: 0, count: rows)
        var zSpan = z.mutableSpan
        var logDetSpan = logDet.mutableSpan
        kernels.columns(
            transform, inverse: inverse, x: x.span, parameters: parameters.span, rows: rows, z: &zSpan,
            logDet: &logDetSpan)
        return (z, logDet)
    }

    /// Parameters of dimension `i` of a row of unit-major arrays.
    private func own(_ parameters: [Float], _ count: Int, _ i: Int, _ r: Int) -> [Double] {
        (0..<count).map { Double(parameters[(i * count + $0) * rows + r]) }
    }

    @Test("both directions equal the twin's", arguments: InstructionSet.allCases, TransformCase.all)
    func formulas(_ set: InstructionSet, _ row: TransformCase) throws {
        guard let kernels = Kernels(set) else { return }
        let count = row.transform.parameterCount
        let x = numbers(dims * rows, seed: 1, row.spread)
        let parameters = numbers(dims * count * rows, seed: 2)
        for inverse in [false, true] {
            let (z, logDet) = columns(kernels, row.transform, inverse: inverse, x, parameters, rows: rows)
            for r in 0..<rows {
                var sum = 0.0
                for i in 0..<dims {
                    let (value, logDerivative) = Reference.transform(
                        row.transform, inverse: inverse, Double(x[i * rows + r]),
                        parameters: own(parameters, count, i, r))
                    // a rounding of x or of a knot moves the value by itself times the slope
                    let scale = max(1, abs(value)) * max(1, Reference.exp(logDerivative))
                    #expect(abs(Double(z[i * rows + r]) - value) <= 6e-6 * scale)
                    sum += logDerivative
                }
                #expect(abs(Double(logDet[r]) - sum) <= 5e-4)
            }
        }
    }

    @Test("the inverse's log-derivative is the negative of the forward's where it ends", arguments: TransformCase.all)
    func logDerivatives(_ row: TransformCase) throws {
        for set in InstructionSet.allCases {
            guard let kernels = Kernels(set) else { continue }
            let parameters = numbers(row.transform.parameterCount * rows, seed: 3)
            let z = numbers(rows, seed: 4, row.spread)
            let (x, inverse) = columns(kernels, row.transform, inverse: true, z, parameters, rows: rows)
            let (_, forward) = columns(kernels, row.transform, inverse: false, x, parameters, rows: rows)
            // of a spline whose x lies beside a knot, the two may take the bins on either side
            #expect(zip(inverse, forward).allSatisfy { abs($0 + $1) <= 2e-5 })
        }
    }

    @Test(
        "panels of rows have the bits of columns, and other lanes are left alone", arguments: TransformCase.all,
        [(1, 1, 2), (16, 1, 0), (13, 1, 3), (16, 2, 0), (16, 2, 1), (7, 2, 1)])
    func panels(_ row: TransformCase, _ shape: (dims: Int, step: Int, offset: Int)) throws {
        let (transform, count) = (row.transform, row.transform.parameterCount)
        let (rows, stride) = (16, 48)
        let x = numbers(rows * stride, seed: 5, row.spread)
        let parameters = numbers(rows * 16 * count, seed: 6)
        for set in InstructionSet.allCases {
            guard let kernels = Kernels(set) else { continue }
            for inverse in [false, true] {
                var unitMajor = [Float](repeating: 0, count: shape.dims * count * rows)
                var input = [Float](repeating: 0, count: shape.dims * rows)
                for r in 0..<rows {
                    for i in 0..<shape.dims {
                        input[i * rows + r] = x[r * stride + shape.offset + i * shape.step]
                        for j in 0..<count {
                            unitMajor[(i * count + j) * rows + r] = parameters[16 * (r * count + j) + i]
                        }
                    }
                }
                let expected = columns(kernels, transform, inverse: inverse, input, unitMajor, rows: rows)
                var z = x
                var logDet = [Float](repeating: 0, count: rows)
                kernels.transform(
                    transform, inverse: inverse, parameters: parameters, parameterStride: 16 * count, rows: rows,
                    dims: shape.dims, x: &z, offset: shape.offset, stride: stride, step: shape.step, logDet: &logDet)
                for r in 0..<rows {
                    // the two add in different orders
                    #expect(abs(logDet[r] - expected.logDet[r]) <= 3e-5)
                    for c in 0..<stride {
                        let i = (c - shape.offset) / shape.step
                        let isMoved = c >= shape.offset && (c - shape.offset) % shape.step == 0 && i < shape.dims
                        #expect(z[r * stride + c] == (isMoved ? expected.z[i * rows + r] : x[r * stride + c]))
                    }
                }
            }
        }
    }

    @Test("gradients equal central differences of the twin", arguments: InstructionSet.allCases, TransformCase.all)
    func gradients(_ set: InstructionSet, _ row: TransformCase) throws {
        guard let kernels = Kernels(set) else { return }
        let (transform, count) = (row.transform, row.transform.parameterCount)
        let x = numbers(dims * rows, seed: 7, row.spread)
        let parameters = numbers(dims * count * rows, seed: 8, 0.7)
        let (dz, dLogDet) = (numbers(dims * rows, seed: 9), numbers(rows, seed: 10))
        var dx = x
        var dParameters = parameters
        var dxSpan = dx.mutableSpan
        var dParametersSpan = dParameters.mutableSpan
        kernels.transformBackward(
            transform, dz: dz.span, dLogDet: dLogDet.span, x: x.span, parameters: parameters.span, rows: rows,
            dx: &dxSpan, dParameters: &dParametersSpan)
        let step = 1e-6
        for i in 0..<dims {
            for r in 0..<rows {
                let at = i * rows + r
                /// `dz · z + dLogDet · log dz/dx`, at `x` and with one parameter moved.
                func loss(_ x: Double, _ parameter: Int? = nil, by step: Double = 0) -> Double {
                    var own = own(parameters, count, i, r)
                    if let parameter { own[parameter] += step }
                    let (z, logDerivative) = Reference.transform(transform, inverse: false, x, parameters: own)
                    return Double(dz[at]) * z + Double(dLogDet[r]) * logDerivative
                }
                func isNear(_ value: Float, _ up: Double, _ down: Double) -> Bool {
                    let expected = (up - down) / (2 * step)
                    return abs(Double(value) - expected) <= 1e-3 * max(1, abs(expected))
                }
                let value = Double(x[at])
                #expect(isNear(dx[at], loss(value + step), loss(value - step)))
                for j in 0..<count {
                    let gradient = dParameters[(i * count + j) * rows + r]
                    #expect(
                        isNear(gradient, loss(value, j, by: step), loss(value, j, by: -step)), "parameter \(j)")
                }
            }
        }
    }

    @Test("a row's bits do not depend on the rows beside it", arguments: TransformCase.all)
    func neighbours(_ row: TransformCase) throws {
        let count = row.transform.parameterCount
        let x = numbers(rows, seed: 11, row.spread)
        let parameters = numbers(count * rows, seed: 12)
        for set in InstructionSet.allCases {
            guard let kernels = Kernels(set) else { continue }
            for inverse in [false, true] {
                let together = columns(kernels, row.transform, inverse: inverse, x, parameters, rows: rows)
                for r in stride(from: 0, to: rows, by: 5) {
                    // the same row everywhere
                    let alone = columns(
                        kernels, row.transform, inverse: inverse, Array(repeating: x[r], count: 16),
                        (0..<count).flatMap { Array(repeating: parameters[$0 * rows + r], count: 16) }, rows: 16)
                    #expect(alone.z.allSatisfy { $0 == together.z[r] })
                    #expect(alone.logDet.allSatisfy { $0 == together.logDet[r] })
                }
            }
        }
    }
}
