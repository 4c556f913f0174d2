extension Reference {
    /// Rounds to the nearest bfloat16, halves to even; NaN stays NaN.
    package static func roundBF16(_ x: Float) -> UInt16 {
        if x.isNaN { return UInt16(x.bitPattern >> 16) | 0x40 }
        // what is cut off is more than half, or half and the last bit kept is odd
        let kept = UInt16(x.bitPattern >> 16)
        let cut = x.bitPattern & 0xffff
        return cut > 0x8000 || (cut == 0x8000 && kept % 2 == 1) ? kept + 1 : kept
    }

    /// Widens a bfloat16 number to a float, exactly.
    package static func widenBF16(_ x: UInt16) -> Float { Float(bitPattern: UInt32(x) << 16) }

    /// Widens a panel of weights, the twin of ``Kernels/widenBF16(_:_:steps:to:_:)``.
    package static func widenBF16(_ a: [UInt16], _ offset: Int, steps: Int, to y: inout [Float], _ yOffset: Int) {
        for t in 0..<steps {
            for l in 0..<32 { y[yOffset + 32 * t + l] = widenBF16(a[offset + 64 * (t / 2) + 2 * l + t % 2]) }
        }
    }

    /// Multiplies in double precision, the twin of
    /// ``Kernels/productBF16(_:_:_:_:count:steps:bias:biasOffset:start:c:_:)``.
    package static func productBF16(
        _ a: [UInt16], _ pa: Int, _ b: [UInt16], _ pb: Operand, count: Int, steps: Int, bias: [Float],
        biasOffset: Int, start: ProductStart = .zero, c: inout [Float], _ pc: Operand
    ) {
        for j in 0..<count {
            for l in 0..<32 {
                let at = pc.offset + j * pc.stepStride + l
                var sum = Double(start == .accumulate ? c[at] : 0) + Double(bias[biasOffset + l])
                for t in 0..<steps {
                    sum +=
                        Double(widenBF16(a[pa + 64 * (t / 2) + 2 * l + t % 2]))
                        * Double(widenBF16(b[pb.offset + t + j * pb.stride]))
                }
                c[at] = Float(sum)
            }
        }
    }
}
