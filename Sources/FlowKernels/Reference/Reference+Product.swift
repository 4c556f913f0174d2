extension Reference {
    /// Multiplies with fused multiply-adds, the twin of ``Kernels/product(_:_:_:_:lanes:count:depth:bias:biasOffset:start:c:_:)``:
    /// equal to the last bit where the CPU fuses.
    package static func product(
        _ a: Span<Float>, _ pa: Operand, _ b: Span<Float>, _ pb: Operand, lanes: Int, count: Int, depth: Int,
        bias: Span<Float>? = nil, biasOffset: Int = 0, start: ProductStart = .zero,
        c: inout MutableSpan<Float>, _ pc: Operand
    ) {
        for j in 0..<count {
            for l in 0..<lanes {
                let at = pc.offset + j * pc.stepStride + l
                var sum: Float = start == .accumulate ? c[at] : 0
                if let bias { sum += bias[biasOffset + l] }
                for t in 0..<depth {
                    sum.addProduct(
                        a[pa.offset + t * pa.stepStride + l], b[pb.offset + t * pb.stepStride + j * pb.stride])
                }
                c[at] = sum
            }
        }
    }
}
