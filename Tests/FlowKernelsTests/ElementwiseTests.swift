import FlowCore
import FlowKernels
import Testing

@Suite("Element-wise kernels")
struct ElementwiseTests {
    /// Dense around zero, then to both ends of the range, and what is special.
    private static let inputs: [Float] =
        (-4000...4000).map { Float($0) / 800 } + (-400...400).map { Float($0) / 3.7 }
        + (0..<80).flatMap { e in
            [Float(sign: .plus, exponent: -e, significand: 1.3), Float(sign: .minus, exponent: -e, significand: 1.7)]
        }
        + [0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude]

    /// The function in double precision.
    private func exact(_ f: Activation, _ x: Float) -> Double { Reference.activation(f, Double(x)) }

    /// Largest error allowed: units in the last place of the exact value, and an absolute floor.
    private func bound(_ f: Activation) -> (ulp: Double, floor: Double) {
        switch f {
        case .relu: (0, 0)
        case .tanh: (3, 0)
        case .elu: (3, 0)
        // the left tail is a product of four rounded factors
        case .gelu: (12, 1e-37)
        }
    }

    @Test(
        "activations are right to a few units in the last place", arguments: InstructionSet.allCases,
        Activation.allCases)
    func activations(_ set: InstructionSet, _ f: Activation) throws {
        guard let kernels = Kernels(set) else { return }
        var y = [Float](repeating: 0, count: Self.inputs.count)
        var span = y.mutableSpan
        kernels.activate(f, from: Self.inputs.span, 0, to: &span, 0, count: Self.inputs.count)
        var worst = (error: 0.0, at: Float(0))
        for (x, y) in zip(Self.inputs, y) {
            let expected = exact(f, x)
            if expected.isInfinite || expected.isNaN {
                #expect(Double(y) == expected || (y.isNaN && expected.isNaN))
                continue
            }
            let error =
                max(0, abs(Double(y) - expected) - bound(f).floor)
                / Double(max(Float(abs(expected)), .leastNormalMagnitude).ulp)
            if error > worst.error { worst = (error, x) }
        }
        #expect(worst.error <= bound(f).ulp, "at \(worst.at)")
    }

    @Test("an element's bits do not depend on where it stands", arguments: InstructionSet.allCases, Activation.allCases)
    func placement(_ set: InstructionSet, _ f: Activation) throws {
        guard let kernels = Kernels(set) else { return }
        let x = Array(Self.inputs[3990..<4040])
        var whole = x
        kernels.activate(f, x: &whole, offset: 0, rows: 1, columns: 50, stride: 50)
        for count in 1...50 {
            var part = x
            kernels.activate(f, x: &part, offset: 50 - count, rows: 1, columns: count, stride: count)
            #expect(part[(50 - count)...] == whole[(50 - count)...])
            #expect(part[..<(50 - count)] == x[..<(50 - count)])
        }
    }

    @Test("NaN stays NaN", arguments: InstructionSet.allCases, Activation.allCases)
    func nan(_ set: InstructionSet, _ f: Activation) throws {
        guard let kernels = Kernels(set) else { return }
        var x: [Float] = [1, .nan, 2]
        kernels.activate(f, x: &x, offset: 0, rows: 1, columns: 3, stride: 3)
        #expect(!x[0].isNaN && x[1].isNaN && !x[2].isNaN)
    }

    @Test(
        "the affine map on panels and on lanes equals its formula", arguments: InstructionSet.allCases,
        [(1, 1, 0), (16, 1, 3), (13, 1, 0), (16, 2, 0), (16, 2, 1), (7, 2, 1)])
    func affine(_ set: InstructionSet, _ shape: (dims: Int, step: Int, offset: Int)) throws {
        guard let kernels = Kernels(set) else { return }
        let (rows, stride, bound) = (5, 48, Float(7))
        var random = RandomStream(seed: 7, stream: 0)
        let x = (0..<rows * stride).map { _ in random.normal() }
        var parameters = (0..<rows * 32).map { _ in 4 * random.normal() }
        for r in 0..<rows { for i in shape.dims..<16 { parameters[32 * r + 16 + i] = 0 } }
        var z = x
        var logDet = [Float](repeating: 0.5, count: rows)
        kernels.transform(
            .affine(logScaleBound: bound), inverse: false, parameters: parameters, parameterStride: 32, rows: rows,
            dims: shape.dims, x: &z, offset: shape.offset, stride: stride, step: shape.step, logDet: &logDet)
        var touched = Set<Int>()
        for r in 0..<rows {
            var sum = 0.5
            for i in 0..<shape.dims {
                let a = Double(parameters[32 * r + 16 + i])
                let s = a / (1 + abs(a) / Double(bound))
                let at = shape.offset + r * stride + i * shape.step
                touched.insert(at)
                let expected = Double(x[at]) * Reference.exp(s) + Double(parameters[32 * r + i])
                // s is rounded, and |s| < 7: e^s carries 7 roundings of it
                #expect(abs(Double(z[at]) - expected) <= 1e-6 * max(1, abs(expected), Reference.exp(s)))
                sum += s
            }
            #expect(abs(Double(logDet[r]) - sum) <= 1e-5)
        }
        #expect(x.indices.allSatisfy { touched.contains($0) || z[$0] == x[$0] })
        kernels.transform(
            .affine(logScaleBound: bound), inverse: true, parameters: parameters, parameterStride: 32, rows: rows,
            dims: shape.dims, x: &z, offset: shape.offset, stride: stride, step: shape.step, logDet: &logDet)
        // back through e^-s, at most e^7 = 1100 times the roundings of z
        #expect(zip(x, z).allSatisfy { abs($0 - $1) <= 1e-3 })
        #expect(logDet.allSatisfy { abs($0 - 0.5) <= 1e-5 })
    }

    @Test("a transpose turns every element, with rows in either order", arguments: InstructionSet.allCases)
    func transpose(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        for (rows, columns) in [(1, 1), (4, 4), (7, 9), (64, 33), (3, 70)] {
            let x = (0..<rows * (columns + 2)).map(Float.init)
            var y = [Float](repeating: -1, count: columns * (rows + 1))
            let (last, step) = ((columns - 1) * (rows + 1), rows + 1)
            kernels.transpose(
                x, Operand(step: columns + 2), to: &y, Operand(offset: last, step: -step), rows: rows, columns: columns)
            for r in 0..<rows {
                for c in 0..<columns { #expect(y[last - c * step + r] == x[r * (columns + 2) + c]) }
            }
        }
    }

    @Test("normals equal those drawn one by one", arguments: InstructionSet.allCases)
    func normals(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let (seed, stream) = (UInt64(0x1234_5678_9abc_def0), UInt64(0xfedc_ba98_7654_3210))
        var whole = [Float](repeating: 0, count: 20_001)
        var span = whole.mutableSpan
        kernels.normals(seed: seed, stream: stream, to: &span, offset: 0, count: 20_001)
        var one = RandomStream(seed: seed, stream: stream)
        for value in whole {
            let expected = one.normal()
            // both are rounded once from doubles that agree to some units in the last place
            #expect(abs(value - expected) <= max(abs(expected), 1e-6).ulp)
        }
        for count in 0..<40 {
            var part = [Float](repeating: 9, count: 42)
            var partSpan = part.mutableSpan
            kernels.normals(seed: seed, stream: stream, to: &partSpan, offset: 1, count: count)
            #expect(part == [9] + whole[..<count] + Array(repeating: 9, count: 41 - count))
        }
    }
}
