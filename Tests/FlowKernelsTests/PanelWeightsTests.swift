import FlowCore
import FlowKernels
import Testing

@Suite("Weights in half precision")
struct PanelWeightsTests {
    /// All bits of finite numbers.
    private static let finite = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 }
    private static let exact = finite.map { Reference.single(float16: $0) }

    @Test("are those numbers that are exact there, to the bit", arguments: InstructionSet.allCases)
    func exact(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        #expect(kernels.float16(exactly: Self.exact) == Self.finite)
        // of any length, the last few too
        for count in [0, 1, 31, 32, 33, 95] {
            #expect(kernels.float16(exactly: Array(Self.exact.prefix(count))) == Array(Self.finite.prefix(count)))
        }
    }

    @Test("are not made of numbers that are rounded, too large or not finite", arguments: InstructionSet.allCases)
    func inexact(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let others: [Float] = [
            1 + 0x1p-11, 65520, 65536, -131_072, .greatestFiniteMagnitude, .infinity, -.infinity, .nan, 0x1p-25,
            -0x1p-30,
            .leastNonzeroMagnitude, .leastNormalMagnitude, 0x1.8p-24, 1 / 3,
        ]
        for other in others {
            for place in [0, 40, 63, 64, 69] {
                var values = Array(Self.exact[100..<170])
                values[place] = other
                #expect(kernels.float16(exactly: values) == nil, "\(other) at \(place)")
            }
        }
    }

    /// Pieces of the depth begin every 128 steps; one, two and up to six columns have sweeps of their own.
    @Test(
        "make the same products, to the bit", arguments: InstructionSet.allCases,
        [(1, 1), (1, 300), (2, 129), (3, 40), (6, 128), (7, 5), (13, 257), (40, 127), (5, 0)])
    func products(_ set: InstructionSet, _ size: (count: Int, depth: Int)) throws {
        guard let kernels = Kernels(set) else { return }
        let (count, depth) = size
        var random = RandomStream(seed: 5, stream: UInt64(depth))
        let panel = 32 * max(1, depth)
        // a panel from the middle of the array on
        let values = (0..<2 * panel).map { _ in Float(Float16(random.normal())) }
        let b = (0..<max(1, depth) * (count + 2)).map { _ in random.normal() }
        let bias = (0..<64).map { _ in random.normal() }
        let start = (0..<count * 37 + 1).map { _ in random.normal() }
        let weights = PanelWeights(single: values)
        #expect(weights.half.count == values.count && weights.single.isEmpty)
        let pb = Operand(offset: 1, step: count + 1)
        let pc = Operand(offset: 1, step: 37)
        for from in [ProductStart.zero, .accumulate] {
            for hasBias in [false, true] {
                var (c, expected) = (start, start)
                var span = c.mutableSpan
                var expectedSpan = expected.mutableSpan
                kernels.product(
                    weights, at: panel, b.span, pb, count: count, depth: depth, bias: hasBias ? bias.span : nil,
                    biasOffset: 32, start: from, c: &span, pc)
                kernels.product(
                    values.span, Operand(offset: panel, step: 32), b.span, pb, lanes: 32, count: count, depth: depth,
                    bias: hasBias ? bias.span : nil, biasOffset: 32, start: from, c: &expectedSpan, pc)
                #expect(c.map(\.bitPattern) == expected.map(\.bitPattern))
            }
        }
    }
}
