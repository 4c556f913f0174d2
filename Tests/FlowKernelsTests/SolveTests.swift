import FlowCore
import FlowKernels
import Testing

/// One map of 3 inputs (a context and two positions) to 32 units of which two are used, one of 2 inputs to the shifts, and
/// log-scales if any, of the two positions: every kind of step, against its formula. Whole networks are in FlowLayersTests.
@Suite("Steps of a sequential solve")
struct SolveTests {
    /// Number format of the weights.
    enum Format { case single, half, bf16 }

    /// In bfloat16 every number that enters a product is rounded first, with an error of at most 2⁻⁹ of it.
    @Test(
        "equal their formulas", arguments: InstructionSet.allCases,
        [
            (.single, .affine(logScaleBound: 5)), (.half, .affine(logScaleBound: 5)),
            (.bf16, .affine(logScaleBound: 5)),
            (.single, .shift), (.half, .shift), (.bf16, .shift),
        ] as [(Format, UnivariateTransform)])
    func formulas(_ set: InstructionSet, _ kind: (format: Format, transform: UnivariateTransform)) throws {
        guard let kernels = Kernels(set) else { return }
        let (format, transform) = kind
        let isHalf = format == .bf16
        let (rows, lanes) = (19, 32)
        func weights(_ values: [Float]) -> PanelWeights {
            guard isHalf else { return PanelWeights(single: values) }
            // pairs of steps, [pairs][32][2]; a zero beside an odd last one
            let steps = values.count / 32
            var paired = [UInt16](repeating: 0, count: halfPanelCount(steps: steps))
            for t in 0..<steps {
                for lane in 0..<32 {
                    paired[64 * (t / 2) + 2 * lane + t % 2] = Reference.roundBF16(values[32 * t + lane])
                }
            }
            return PanelWeights(bf16: paired)
        }
        func factor(_ x: Double) -> Double { isHalf ? Double(Reference.widenBF16(Reference.roundBF16(Float(x)))) : x }
        var random = RandomStream(seed: 8, stream: 0)
        func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in random.normal() } }
        /// Weights that are exact in half precision, or not.
        func weightNumbers(_ count: Int) -> [Float] {
            numbers(count).map { format == .half ? Float(Float16($0)) : $0 }
        }
        let (hidden, output) = (weightNumbers(3 * 32), weightNumbers(2 * 32))
        let (hiddenBiases, outputBiases) = (numbers(32), numbers(32))
        #expect(weights(hidden).half.isEmpty == (format != .half))
        // known values: context, two positions, two hidden units, the sums of both
        var plan = SolvePlan(
            maps: [
                .init(
                    weights: weights(hidden), biases: hiddenBiases, inputs: 0..<3, outputs: 3..<5, activation: .elu,
                    sum: 5, skip: 5),
                .init(
                    weights: weights(output), biases: outputBiases, inputs: 3..<5, outputs: 7..<7, activation: nil),
            ], positions: 1..<3, transform: transform, known: 7)
        // unit 0 stands in lane 2 and reads the context, unit 1 in lane 3 and reads the first position too
        plan.open(0, panel: 0, offset: 0, reads: 3, depth: 1)
        plan.finish(0, lanes: 2..<3, 1..<1, unit: 0)
        plan.open(1, panel: 0, offset: 0, reads: 2, depth: 0)
        plan.solve(1, lane: 4, 0..<1, position: 0)
        let half = plan.count
        plan.finish(0, lanes: 3..<4, 1..<2, unit: 1)
        plan.add(1, lanes: 5..<6, 0..<1)
        plan.add(1, lanes: 21..<22, 0..<1)
        plan.solve(1, lane: 5, 1..<2, position: 1)

        let z = numbers(2 * lanes)
        let start = numbers(7 * lanes)
        var scratch = SolveScratch()
        scratch.reserve(for: plan, rows: rows)
        scratch.z = z
        scratch.known = start
        scratch.logDet = Array(repeating: 1, count: lanes)
        for steps in [0..<half, half..<plan.count] { kernels.solve(plan, steps: steps, rows: rows, &scratch) }
        // sums in another order may round a number in the middle to the other side
        let tolerance = isHalf ? 2e-2 : 2e-5
        for r in 0..<rows {
            func isNear(_ value: Float, _ expected: Double) -> Bool {
                abs(Double(value) - expected) <= tolerance * max(1, abs(expected))
            }
            func before(_ unit: Int) -> Double { Double(start[unit * lanes + r]) }
            var units: [Double] = []
            var data: [Double] = []
            var sum = 1.0
            for p in 0..<2 {
                let inputs = [before(0)] + data
                let lane = 2 + p
                let stream = inputs.enumerated().reduce(before(5 + p) + Double(hiddenBiases[lane])) {
                    $0 + factor(Double(hidden[32 * $1.offset + lane])) * factor($1.element)
                }
                #expect(isNear(scratch.known[(5 + p) * lanes + r], stream))
                units.append(Reference.activation(.elu, stream))
                #expect(isNear(scratch.known[(3 + p) * lanes + r], units[p]))
                func parameter(_ lane: Int) -> Double {
                    units.enumerated().reduce(Double(outputBiases[lane])) {
                        $0 + factor(Double(output[32 * $1.offset + lane])) * factor($1.element)
                    }
                }
                let own = (0..<transform.parameterCount).map { parameter(4 + p + 16 * $0) }
                let (x, logDerivative) = Reference.transform(
                    transform, inverse: true, Double(z[p * lanes + r]), parameters: own)
                data.append(x)
                #expect(isNear(scratch.z[p * lanes + r], x))
                sum += logDerivative
            }
            #expect(isNear(scratch.logDet[r], sum))
        }
        if !isHalf { #expect(scratch.known[..<lanes] == start[..<lanes]) }
    }
}
