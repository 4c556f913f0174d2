import FlowCore
import FlowKernels
import Testing

/// One rounding a number, in every instruction set: everything here is exact but for that.
@Suite("Additive transform")
struct ShiftTests {
    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<count).map { _ in random.normal() }
    }

    @Test(
        "adds on panels, subtracts on the way back, and leaves other lanes and log-dets alone",
        arguments: InstructionSet.allCases,
        [(1, 1, 0), (16, 1, 3), (13, 1, 0), (16, 2, 0), (16, 2, 1), (7, 2, 1)])
    func panels(_ set: InstructionSet, _ shape: (dims: Int, step: Int, offset: Int)) throws {
        guard let kernels = Kernels(set) else { return }
        // a whole panel of 32 lanes a row, of which the network fills 16
        let (rows, stride) = (5, 48)
        let x = numbers(rows * stride, seed: 1)
        let parameters = numbers(rows * 32, seed: 2)
        for inverse in [false, true] {
            var z = x
            var logDet: [Float] = [0.5, -1, 0, 2, 3]
            kernels.transform(
                .shift, inverse: inverse, parameters: parameters, parameterStride: 32, rows: rows, dims: shape.dims,
                x: &z, offset: shape.offset, stride: stride, step: shape.step, logDet: &logDet)
            var expected = x
            for r in 0..<rows {
                for i in 0..<shape.dims {
                    let at = shape.offset + r * stride + i * shape.step
                    let (value, logDerivative) = Reference.transform(
                        .shift, inverse: inverse, Double(x[at]), parameters: [Double(parameters[32 * r + i])])
                    // a sum of two floats in double precision, rounded once, is the float sum
                    expected[at] = Float(value)
                    #expect(logDerivative == 0)
                }
            }
            #expect(z == expected && z != x)
            #expect(logDet == [0.5, -1, 0, 2, 3])
        }
    }

    @Test("on unit-major rows it and its gradients equal their formulas", arguments: InstructionSet.allCases)
    func columns(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let (dims, rows) = (5, 32)
        let (x, parameters) = (numbers(dims * rows, seed: 3), numbers(dims * rows, seed: 4))
        let (dz, dLogDet) = (numbers(dims * rows, seed: 5), numbers(rows, seed: 6))
        for inverse in [false, true] {
            var z = [Float](repeating: 0, count: x.count)
            var logDet = dLogDet
            var zSpan = z.mutableSpan
            var logDetSpan = logDet.mutableSpan
            kernels.columns(
                .shift, inverse: inverse, x: x.span, parameters: parameters.span, rows: rows, z: &zSpan,
                logDet: &logDetSpan)
            #expect(z == zip(x, parameters).map { inverse ? $0 - $1 : $0 + $1 })
            #expect(logDet == dLogDet)
        }
        var dx = [Float](repeating: 0, count: x.count)
        var dParameters = dx
        var dxSpan = dx.mutableSpan
        var dParametersSpan = dParameters.mutableSpan
        kernels.transformBackward(
            .shift, dz: dz.span, dLogDet: dLogDet.span, x: x.span, parameters: parameters.span, rows: rows, dx: &dxSpan,
            dParameters: &dParametersSpan)
        #expect(dx == dz && dParameters == dz)
    }
}
