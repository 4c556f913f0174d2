import FlowCore
import FlowKernels
import Testing

@Suite("Functions and sums of exponentials")
struct FunctionTests {
    /// Dense around zero and one, then to both ends of the range, and what is special.
    private static let inputs: [Float] = {
        var inputs = (-4000...4000).map { Float($0) / 800 }
        inputs += (-600...600).map { Float($0) / 5.7 }
        let significands: [Float] = [1, 1.3, 1.414_213_5, 1.414_213_7, 1.999_999_9]
        for exponent in -149...127 {
            for significand in significands {
                let size = Float(sign: .plus, exponent: exponent, significand: significand)
                inputs += [size, -size]
            }
        }
        let one: Float = 1
        inputs += [0, -0.0, .infinity, -.infinity, .greatestFiniteMagnitude, one.nextDown, one.nextUp]
        return inputs
    }()

    /// Units in the last place of the exact value, of the least normal number below that.
    private func error(_ y: Float, _ expected: Double) -> Double {
        if expected.isNaN || y.isNaN { return expected.isNaN && y.isNaN ? 0 : .infinity }
        let rounded = Float(expected)
        if rounded.isInfinite || y.isInfinite { return rounded == y ? 0 : .infinity }
        return abs(Double(y) - expected) / Double(max(abs(rounded), .leastNormalMagnitude).ulp)
    }

    @Test(
        "are right to two units in the last place, in the tail of the normal distribution to twelve",
        arguments: InstructionSet.allCases, ElementFunction.allCases)
    func functions(_ set: InstructionSet, _ f: ElementFunction) throws {
        guard let kernels = Kernels(set) else { return }
        let x = Self.inputs + [.nan]
        var y = [Float](repeating: 0, count: x.count)
        var span = y.mutableSpan
        kernels.apply(f, from: x.span, to: &span, count: x.count)
        var worst = (error: 0.0, at: Float(0))
        for (x, y) in zip(x, y) {
            let error = error(y, Reference.function(f, Double(x)))
            if error > worst.error { worst = (error, x) }
        }
        #expect(worst.error <= (f == .normalDistribution ? 12 : 2), "at \(worst.at)")
        #expect(y.last!.isNaN)
    }

    @Test("an element's bits do not depend on where it stands", arguments: InstructionSet.allCases)
    func placement(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let x = Array(Self.inputs[4001..<4051])
        for f in ElementFunction.allCases {
            var whole = x
            var wholeSpan = whole.mutableSpan
            kernels.apply(f, from: x.span, to: &wholeSpan, count: 50)
            for count in 1...50 {
                var part = [Float](repeating: 7, count: 52)
                var span = part.mutableSpan
                kernels.apply(f, from: x.span, 50 - count, to: &span, 1, count: count)
                #expect(part == [7] + whole[(50 - count)...] + Array(repeating: 7, count: 51 - count))
            }
        }
    }

    private func rows(_ rows: Int, _ columns: Int, scale: Float) -> [Float] {
        var random = RandomStream(seed: 11, stream: UInt64(columns))
        return (0..<rows * columns).map { _ in scale * random.normal() }
    }

    @Test(
        "log of a sum of exponentials, and softmax", arguments: InstructionSet.allCases,
        [1, 2, 3, 4, 7, 8, 10, 15, 16, 17, 33, 100])
    func sums(_ set: InstructionSet, _ columns: Int) throws {
        guard let kernels = Kernels(set) else { return }
        for (count, scale) in [(1, Float(1)), (5, 30), (16, 0.01), (35, 3), (20, 1e4)] {
            let x = rows(count, columns, scale: scale)
            var (y, p) = ([Float](repeating: 9, count: count + 1), x)
            var span = y.mutableSpan
            var softmaxSpan = p.mutableSpan
            kernels.logSumExp(x.span, rows: count, columns: columns, to: &span)
            kernels.softmax(&softmaxSpan, rows: count, columns: columns)
            #expect(y[count] == 9)
            for r in 0..<count {
                let row = x[r * columns..<(r + 1) * columns].map { Double($0) }
                let (expected, peak) = (Reference.logSumExp(row), row.max()!)
                // the peak is rounded away from each term, the terms into the sum, and that into the result
                #expect(abs(Double(y[r]) - expected) <= 3 * Double(max(1, Float(abs(expected))).ulp))
                for (j, exact) in Reference.softmax(row).enumerated() {
                    // a term carries the rounding of its distance from the peak, which the exponential enlarges by it
                    #expect(error(p[r * columns + j], exact) <= 6 + (peak - row[j]))
                }
                // a row has the same bits alone
                var (alone, aloneSoftmax) = ([Float(0)], Array(x[r * columns..<(r + 1) * columns]))
                let own = aloneSoftmax
                var aloneSpan = alone.mutableSpan
                var aloneSoftmaxSpan = aloneSoftmax.mutableSpan
                kernels.logSumExp(own.span, rows: 1, columns: columns, to: &aloneSpan)
                kernels.softmax(&aloneSoftmaxSpan, rows: 1, columns: columns)
                #expect(alone[0] == y[r] && aloneSoftmax[...] == p[r * columns..<(r + 1) * columns])
            }
        }
    }

    @Test("sums of infinities, of NaN and of what is huge", arguments: InstructionSet.allCases, [3, 16, 21])
    func special(_ set: InstructionSet, _ columns: Int) throws {
        guard let kernels = Kernels(set) else { return }
        func row(_ last: Float, rest: Float = 1) -> [Float] { Array(repeating: rest, count: columns - 1) + [last] }
        let least = Float.leastNonzeroMagnitude
        let given = [
            row(.infinity), row(-.infinity), row(-.infinity, rest: -.infinity), row(.nan), row(.infinity, rest: .nan),
            row(3e38, rest: -3e38), row(-3e38, rest: 3e38), row(least, rest: -least), row(.nan, rest: -.infinity),
            row(.infinity, rest: 3e38), row(200, rest: .infinity),
        ]
        let x = given.flatMap { $0 }
        var (y, p) = ([Float](repeating: 0, count: given.count), x)
        var span = y.mutableSpan
        var softmaxSpan = p.mutableSpan
        kernels.logSumExp(x.span, rows: given.count, columns: columns, to: &span)
        kernels.softmax(&softmaxSpan, rows: given.count, columns: columns)
        for (r, row) in given.enumerated() {
            let exact = row.map { Double($0) }
            #expect(error(y[r], Reference.logSumExp(exact)) <= 3, "\(row)")
            for (actual, expected) in zip(p[r * columns..<(r + 1) * columns], Reference.softmax(exact)) {
                #expect(error(actual, expected) <= 6, "\(row)")
            }
        }
    }

    @Test("uniforms have the bits of those drawn one by one", arguments: InstructionSet.allCases)
    func uniforms(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        for (seed, stream) in [(UInt64(0x1234_5678_9abc_def0), UInt64(0xfedc_ba98_7654_3210)), (0, 3), (.max, .max)] {
            var one = RandomStream(seed: seed, stream: stream)
            let whole = (0..<10_001).map { _ in one.uniform() }
            for count in Array(0..<80) + [10_001] {
                var part = [Float](repeating: 9, count: count + 2)
                var span = part.mutableSpan
                kernels.uniforms(seed: seed, stream: stream, to: &span, offset: 1, count: count)
                #expect(part == [9] + whole[..<count] + [9])
            }
        }
    }
}
