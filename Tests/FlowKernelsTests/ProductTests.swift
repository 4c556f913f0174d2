import FlowKernels
import Testing

@Suite("Product kernel")
struct ProductTests {
    private struct Shape: CustomTestStringConvertible {
        var lanes: Int
        var count: Int
        var depth: Int
        var testDescription: String { "\(lanes)x\(count)x\(depth)" }
    }

    private func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 33) % 1000) / 500
        }
    }

    private static let shapes = [
        Shape(lanes: 1, count: 1, depth: 1), Shape(lanes: 16, count: 1, depth: 7),
        Shape(lanes: 64, count: 1, depth: 33),
        Shape(lanes: 64, count: 3, depth: 5), Shape(lanes: 32, count: 13, depth: 40),
        Shape(lanes: 35, count: 25, depth: 17),
        Shape(lanes: 80, count: 12, depth: 3), Shape(lanes: 15, count: 7, depth: 100),
        Shape(lanes: 48, count: 11, depth: 0),
    ]

    @Test("agrees with its reference in every instruction set", arguments: InstructionSet.allCases, shapes)
    private func reference(_ set: InstructionSet, _ shape: Shape) throws {
        guard let kernels = Kernels(set) else { return }
        let (lanes, count, depth) = (shape.lanes, shape.count, shape.depth)
        let a = numbers(max(1, depth) * (lanes + 3), 1)
        let b = numbers(max(1, depth) * (count + 2), 2)
        let bias = numbers(lanes, 3)
        // each operand with a stride wider than it needs; B backwards through its steps
        let pa = Operand(offset: 2, step: lanes + 2)
        let pb = Operand(offset: max(0, depth - 1) * (count + 2), step: -(count + 2))
        for start in [ProductStart.zero, .accumulate] {
            for hasBias in [false, true] {
                var c = numbers(count * (lanes + 5) + 1, 4)
                var expected = c
                let pc = Operand(offset: 1, step: lanes + 5)
                var span = c.mutableSpan
                var expectedSpan = expected.mutableSpan
                kernels.product(
                    a.span, pa, b.span, pb, lanes: lanes, count: count, depth: depth, bias: hasBias ? bias.span : nil,
                    start: start, c: &span, pc)
                Reference.product(
                    a.span, pa, b.span, pb, lanes: lanes, count: count, depth: depth, bias: hasBias ? bias.span : nil,
                    start: start, c: &expectedSpan, pc)
                // Without fused multiply-adds each product is rounded once more: 2⁻²⁴ of at most 4 each, `depth` times.
                let bound: Float = set == .baseline ? 4 * Float(depth + 1) * 0x1p-23 : 0
                #expect(zip(c, expected).allSatisfy { abs($0 - $1) <= bound })
            }
        }
    }

    @Test("gives an element the same bits wherever it stands", arguments: InstructionSet.allCases)
    func bits(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let (lanes, depth) = (96, 50)
        let a = numbers(depth * lanes, 5)
        let b = numbers(depth * 40, 6)
        var whole = [Float](repeating: 0, count: 40 * lanes)
        var span = whole.mutableSpan
        kernels.product(
            a.span, Operand(step: lanes), b.span, Operand(step: 1, stride: depth), lanes: lanes, count: 40,
            depth: depth, c: &span, Operand(step: lanes))
        for count in 1...40 {
            let width = [1, 5, 16, 33, 64, 96][count % 6]
            var part = [Float](repeating: 0, count: count * width)
            var partSpan = part.mutableSpan
            kernels.product(
                a.span, Operand(offset: lanes - width, step: lanes), b.span,
                Operand(offset: (40 - count) * depth, step: 1, stride: depth), lanes: width, count: count,
                depth: depth, c: &partSpan, Operand(step: width))
            for j in 0..<count {
                for l in 0..<width {
                    #expect(part[j * width + l] == whole[(40 - count + j) * lanes + lanes - width + l])
                }
            }
        }
    }
}
