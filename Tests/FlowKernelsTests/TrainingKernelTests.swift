import FlowCore
import FlowKernels
import Testing

@Suite("Kernels of training")
struct TrainingKernelTests {
    private func numbers(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<count).map { _ in scale * random.normal() }
    }

    /// Slopes are at most about 1.13; the left tail of GELU's is a difference of small numbers.
    @Test(
        "slopes of activations are right to 1e-6", arguments: InstructionSet.allCases, Activation.allCases)
    func slopes(_ set: InstructionSet, _ f: Activation) throws {
        guard let kernels = Kernels(set) else { return }
        let x = numbers(403, seed: 1, scale: 3) + [0, -30, 30, -3e4, 3e4]
        var dx = [Float](repeating: 2, count: x.count)
        var span = dx.mutableSpan
        kernels.activationBackward(f, x: x.span, dx: &span)
        for (x, dx) in zip(x, dx) {
            #expect(abs(Double(dx) - 2 * Reference.activationSlope(f, Double(x))) <= 2e-6, "at \(x)")
        }
    }

    /// A sigmoid to 2 ulp, and three roundings more.
    @Test(
        "sums and gates of residual blocks equal their formulas", arguments: InstructionSet.allCases, [1, 15, 16, 67])
    func gates(_ set: InstructionSet, _ count: Int) throws {
        guard let kernels = Kernels(set) else { return }
        // three elements before and after, which stay as they are
        let (v, g, y, d) = (
            numbers(count + 6, seed: 6), numbers(count + 6, seed: 7, scale: 4), numbers(count + 6, seed: 8),
            numbers(count + 6, seed: 9)
        )
        var (gates, sum, plain) = (g, y, y)
        kernels.gate(v, &gates, 3, to: &sum, 3, count: count)
        kernels.add(v, 3, to: &plain, 3, count: count)
        var (byValue, byGate) = (v, gates)
        kernels.gateBackward(d, &byValue, &byGate, 3, count: count)
        for i in 0..<count + 6 {
            guard (3..<count + 3).contains(i) else {
                #expect(gates[i] == g[i] && sum[i] == y[i] && plain[i] == y[i])
                #expect(byValue[i] == v[i] && byGate[i] == gates[i])
                continue
            }
            let expected = Reference.gate(v: Double(v[i]), g: Double(g[i]), y: Double(y[i]))
            let gradient = Reference.gateBackward(d: Double(d[i]), v: Double(v[i]), s: Double(gates[i]))
            #expect(abs(Double(gates[i]) - expected.s) <= 3e-7)
            #expect(abs(Double(sum[i]) - expected.y) <= 2e-6)
            #expect(plain[i] == y[i] + v[i])
            #expect(abs(Double(byValue[i]) - gradient.byValue) <= 1e-6)
            #expect(abs(Double(byGate[i]) - gradient.byGate) <= 1e-6)
        }
    }

    @Test(
        "the affine map of unit-major rows, and its gradients, equal their formulas", arguments: InstructionSet.allCases
    )
    func affine(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let (dims, rows, bound) = (5, 32, Float(3))
        let x = numbers(dims * rows, seed: 2)
        let parameters = numbers(2 * dims * rows, seed: 3, scale: 2)
        let dz = numbers(dims * rows, seed: 4)
        let dLogDet = numbers(rows, seed: 5)
        var z = [Float](repeating: 0, count: x.count)
        var logDet = [Float](repeating: 1, count: rows)
        var dx = z
        var dParameters = [Float](repeating: 0, count: parameters.count)
        var zSpan = z.mutableSpan
        var logDetSpan = logDet.mutableSpan
        kernels.transformForward(
            .affine(logScaleBound: bound), x: x.span, parameters: parameters.span, rows: rows, z: &zSpan,
            logDet: &logDetSpan)
        var dxSpan = dx.mutableSpan
        var dParametersSpan = dParameters.mutableSpan
        kernels.transformBackward(
            .affine(logScaleBound: bound), dz: dz.span, dLogDet: dLogDet.span, x: x.span,
            parameters: parameters.span, rows: rows, dx: &dxSpan, dParameters: &dParametersSpan)
        for r in 0..<rows {
            var sum = 1.0
            for i in 0..<dims {
                let (at, t, a) = (i * rows + r, 2 * i * rows + r, (2 * i + 1) * rows + r)
                let raw = Double(parameters[a])
                let s = raw / (1 + abs(raw) / Double(bound))
                let scaled = Double(dz[at]) * Reference.exp(s)
                let slope = 1 / ((1 + abs(raw) / Double(bound)) * (1 + abs(raw) / Double(bound)))
                func isNear(_ value: Float, _ expected: Double) -> Bool {
                    abs(Double(value) - expected) <= 3e-6 * max(1, abs(expected), Reference.exp(s))
                }
                #expect(isNear(z[at], Double(x[at]) * Reference.exp(s) + Double(parameters[t])))
                #expect(isNear(dx[at], scaled))
                #expect(dParameters[t] == dz[at])
                #expect(isNear(dParameters[a], (scaled * Double(x[at]) + Double(dLogDet[r])) * slope))
                sum += s
            }
            #expect(abs(Double(logDet[r]) - sum) <= 1e-5)
        }
    }

    @Test("lane sums are sixteen chains, wherever the columns are cut", arguments: InstructionSet.allCases)
    func laneSums(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let (rows, columns) = (3, 80)
        let x = numbers(rows * columns, seed: 6)
        func sums(cutAt cuts: [Int]) -> [Float] {
            var sums = [Float](repeating: 0, count: 16 * rows)
            var span = sums.mutableSpan
            for (from, to) in zip(cuts, cuts.dropFirst()) {
                kernels.laneSums(
                    x.span, Operand(offset: from, step: columns), rows: rows, columns: to - from, sums: &span)
            }
            return sums
        }
        var expected = [Float](repeating: 0, count: 16 * rows)
        for r in 0..<rows { for c in 0..<columns { expected[16 * r + c % 16] += x[r * columns + c] } }
        #expect(sums(cutAt: [0, 80]) == expected)
        #expect(sums(cutAt: [0, 16, 48, 80]) == expected)
    }

    @Test("an Adam step has the bits of its twin, inside the range alone", arguments: InstructionSet.allCases)
    func adam(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let numbers = AdamCoefficients(
            firstRate: 0.1, secondRate: 0.01, step: 1e-3, secondScale: 3, epsilon: 1e-8, gradientScale: 0.7, keep: 0.99,
            averageDecay: 0.9)
        let count = 61
        let gradient = self.numbers(count, seed: 7)
        let start = (
            first: self.numbers(count, seed: 8), second: self.numbers(count, seed: 9).map { $0 * $0 },
            weights: self.numbers(count, seed: 10), average: self.numbers(count, seed: 11)
        )
        var (first, second, weights, average) = start
        let range = 3..<58
        var m = first.mutableSpan
        var v = second.mutableSpan
        var w = weights.mutableSpan
        var a = average.mutableSpan
        kernels.adamStep(
            numbers, gradient: gradient.span, first: &m, second: &v, weights: &w, average: &a, range: range)
        // moments and average of their own, from element 1 on
        kernels.adamStep(
            numbers, gradient: gradient.span, first: &m, second: &v, weights: &w, average: &a, range: 40..<57, at: 1)
        var twin = start
        for (range, shift) in [(range, 0), (40..<57, -39)] {
            for i in range {
                Reference.adamStep(
                    numbers, gradient: gradient[i], first: &twin.first[i + shift], second: &twin.second[i + shift],
                    weight: &twin.weights[i], average: &twin.average[i + shift])
            }
        }
        #expect(first == twin.first && second == twin.second && weights == twin.weights && average == twin.average)
    }

    @Test("a sum of squares is in double precision, the same bits everywhere", arguments: [0, 1, 8, 1003])
    func squares(count: Int) throws {
        let x = numbers(count + 4, seed: 12)
        let exact = x[2..<2 + count].reduce(0.0) { $0 + Double($1) * Double($1) }
        let sums = InstructionSet.allCases.compactMap { Kernels($0) }.map {
            $0.sumOfSquares(x.span, range: 2..<2 + count)
        }
        #expect(sums.allSatisfy { $0 == sums[0] && abs($0 - exact) <= 1e-14 * max(1, exact) })
    }
}
