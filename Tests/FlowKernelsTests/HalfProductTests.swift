import FlowKernels
import Testing

@Suite("Product kernel in bfloat16")
struct HalfProductTests {
    /// Numbers of bfloat16 in (−2, 2) with all bits of their significands in use.
    private func numbers(_ count: Int, _ seed: UInt64) -> [UInt16] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Reference.roundBF16(Float(Int32(truncatingIfNeeded: state >> 33) % 1000) / 500)
        }
    }

    private func floats(_ count: Int, _ seed: UInt64) -> [Float] { numbers(count, seed).map(Reference.widenBF16) }

    @Test(
        "agrees with its reference in every instruction set", arguments: InstructionSet.allCases,
        [(1, 1), (3, 7), (13, 40), (25, 17), (12, 64), (64, 333), (5, 0)])
    func reference(_ set: InstructionSet, _ shape: (count: Int, steps: Int)) throws {
        guard let kernels = Kernels(set) else { return }
        let (count, steps) = shape
        let pairs = (steps + 1) / 2
        var a = numbers(2 + halfPanelCount(steps: steps), 1)
        var b = numbers(3 + count * (2 * pairs + 2), 2)
        let pb = Operand(offset: 3, step: 1, stride: 2 * pairs + 2)
        if steps % 2 == 1 {
            // the step beside an odd last one
            for l in 0..<32 { a[2 + 64 * (pairs - 1) + 2 * l + 1] = 0 }
            for j in 0..<count { b[3 + j * pb.stride + steps] = 0 }
        }
        let bias = floats(40, 3)
        let pc = Operand(offset: 1, step: 35)
        for start in [ProductStart.zero, .accumulate] {
            var c = floats(count * 35 + 1, 4)
            var expected = c
            kernels.productBF16(
                a, 2, b, pb, count: count, steps: steps, bias: bias, biasOffset: 7, start: start, c: &c, pc)
            Reference.productBF16(
                a, 2, b, pb, count: count, steps: steps, bias: bias, biasOffset: 7, start: start, c: &expected, pc)
            // at most two roundings a step, each 2⁻²⁴ of a sum of terms below 4
            let bound = 2 * Float(steps + 2) * 0x1p-24 * 4 * Float(steps + 1)
            #expect(zip(c, expected).allSatisfy { abs($0 - $1) <= bound })
        }
    }

    @Test("gives a row the same bits whichever rows are with it", arguments: InstructionSet.allCases)
    func bits(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let steps = 51
        let a = numbers(halfPanelCount(steps: steps), 5)
        let b = numbers(40 * 52, 6)
        let bias = floats(32, 7)
        func product(_ first: Int, _ count: Int) -> [Float] {
            var c = [Float](repeating: 0, count: count * 32)
            kernels.productBF16(
                a, 0, b, Operand(offset: first * 52, step: 1, stride: 52), count: count, steps: steps, bias: bias,
                biasOffset: 0, c: &c, Operand(step: 32))
            return c
        }
        let whole = product(0, 40)
        for count in 1...40 {
            for first in Set([0, (40 - count) / 2, 40 - count]) {
                #expect(product(first, count) == Array(whole[first * 32..<(first + count) * 32]))
            }
        }
    }

    @Test("rounds to the nearest, halves to even, at any stride", arguments: InstructionSet.allCases)
    func rounding(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        // every way in which the lower half can lie, beside kept halves of all kinds
        let kept: [UInt32] = [
            0, 1, 0x3f80, 0x3f81, 0x7f7f, 0x7f80, 0x7f81, 0x7fff, 0x8000, 0xbf80, 0xbfff, 0xff7f, 0xffff,
        ]
        let cut: [UInt32] = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff]
        let x = kept.flatMap { high in cut.map { Float(bitPattern: high << 16 | $0) } }
        let expected = x.map(Reference.roundBF16)
        for (value, half) in zip(x, expected) where value.isFinite {
            let error = abs(Double(value) - Double(Reference.widenBF16(half)))
            // half of the distance to the next one; beyond the largest lies infinity
            #expect(error <= Double(Float(abs(value)).ulp) * 32_768 || Reference.widenBF16(half).isInfinite)
        }
        #expect(x.indices.allSatisfy { x[$0].isNaN == Reference.widenBF16(expected[$0]).isNaN })
        for step in [1, 2, -1] {
            let columns = step == 2 ? x.count / 2 : x.count
            var y = [UInt16](repeating: 7, count: 2 * (columns + 3))
            kernels.roundBF16(
                x, Operand(offset: step < 0 ? x.count - 1 : 0, step: step, stride: 0), to: &y,
                Operand(offset: 1, step: 1, stride: columns + 3), rows: 2, columns: columns, zero: true)
            let row = (0..<columns).map { expected[step < 0 ? x.count - 1 - $0 : $0 * step] }
            #expect(y == [7] + row + [0, 7, 7] + row + [0, 7])
        }
    }

    @Test(
        "a widened panel holds the numbers that the product multiplies", arguments: InstructionSet.allCases,
        [0, 1, 6, 9])
    func widening(_ set: InstructionSet, _ steps: Int) throws {
        guard let kernels = Kernels(set) else { return }
        let a = numbers(5 + halfPanelCount(steps: steps), 8)
        var y = [Float](repeating: 9, count: 32 * steps + 3)
        var expected = y
        kernels.widenBF16(a, 5, steps: steps, to: &y, 2)
        Reference.widenBF16(a, 5, steps: steps, to: &expected, 2)
        #expect(y == expected && y[0] == 9 && y[32 * steps + 2] == 9)
    }
}
