import CFlowKernels

/// Place of a product's operand in an array: element `(step, j)` is at `offset + step · stepStride + j · stride`.
package struct Operand: Sendable {
    /// Index of the first element.
    package var offset: Int
    /// Elements from one step to the next; may be negative.
    package var stepStride: Int
    /// Elements from one `j` to the next; may be negative.
    package var stride: Int
    /// Prefetch distance in a product's B, in elements. 0 where the present product or the CPU by itself brings in what comes
    /// next.
    package var ahead: Int

    package init(offset: Int = 0, step: Int, stride: Int = 1, ahead: Int = 0) {
        self.offset = offset
        stepStride = step
        self.stride = stride
        self.ahead = ahead
    }

    /// Whether all of `steps × count` elements lie in an array of `length`; strides may be negative.
    @inline(__always)
    func fits(_ length: Int, steps: Int, count: Int) -> Bool {
        let ends = (steps - 1) * stepStride
        let across = (count - 1) * stride
        return offset + min(0, ends) + min(0, across) >= 0 && offset + max(0, ends) + max(0, across) < length
    }
}

/// Start of a product's sums, before the bias.
package enum ProductStart: Sendable {
    /// Zero: what stood in the output is overwritten.
    case zero
    /// The output as it stands.
    case accumulate
}

extension Kernels {
    /// Computes `C[j, l] = start + Σₜ A[t, l] · B[t, j]` for `lanes` × `count` elements, `depth` products each.
    ///
    /// `A` has its lanes side by side, as has `C`, whose rows `j` stand `c.stepStride` apart; `B` has any strides. Every
    /// element is one chain of multiply-adds over rising `t`, so that its bits depend neither on `lanes` nor on `count`.
    /// Its plain twin is ``Reference/product(_:_:_:_:lanes:count:depth:bias:biasOffset:start:c:_:)``.
    /// - Parameter bias: values added to the start, `bias[biasOffset + l]` in lane `l`; nil for none.
    /// - Complexity: `lanes · count · depth` multiply-adds; no allocation.
    package func product(
        _ a: Span<Float>, _ pa: Operand, _ b: Span<Float>, _ pb: Operand, lanes: Int, count: Int, depth: Int,
        bias: Span<Float>? = nil, biasOffset: Int = 0, start: ProductStart = .zero,
        c: inout MutableSpan<Float>, _ pc: Operand
    ) {
        precondition(depth >= 0 && pa.stride == 1)
        precondition(depth == 0 || pa.fits(a.count, steps: depth, count: lanes))
        unsafe a.withUnsafeBufferPointer { a in
            // In bounds by the preconditions above.
            unsafe product(
                single: depth == 0 ? nil : a.baseAddress! + pa.offset, half: nil, stride: pa.stepStride, b, pb,
                lanes: lanes, count: count, depth: depth, bias: bias, biasOffset: biasOffset, start: start, c: &c, pc)
        }
    }

    /// Multiplies with an `A` that is in bounds, in single precision or in half precision.
    func product(
        single: UnsafePointer<Float>?, half: UnsafePointer<UInt16>?, stride: Int, _ b: Span<Float>, _ pb: Operand,
        lanes: Int, count: Int, depth: Int, bias: Span<Float>?, biasOffset: Int, start: ProductStart,
        c: inout MutableSpan<Float>, _ pc: Operand
    ) {
        precondition(lanes > 0 && count > 0 && depth >= 0 && pc.stride == 1)
        precondition(depth == 0 || pb.fits(b.count, steps: depth, count: count))
        precondition(pc.fits(c.count, steps: count, count: lanes) && (count == 1 || pc.stepStride >= lanes))
        if let bias { precondition(biasOffset >= 0 && biasOffset + lanes <= bias.count) }
        unsafe b.withUnsafeBufferPointer { b in
            unsafe c.withUnsafeMutableBufferPointer { c in
                // In bounds by the preconditions above.
                var p = unsafe flow_product()
                unsafe p.a = single
                unsafe p.half_a = half
                unsafe p.a_stride = stride
                unsafe p.b = depth == 0 ? nil : b.baseAddress! + pb.offset
                unsafe p.b_step = pb.stepStride
                unsafe p.b_stride = pb.stride
                unsafe p.b_ahead = pb.ahead
                unsafe p.c = c.baseAddress! + pc.offset
                unsafe p.c_stride = pc.stepStride
                unsafe p.lanes = lanes
                unsafe p.count = count
                unsafe p.depth = depth
                unsafe p.accumulate = start == .accumulate ? 1 : 0
                if let bias {
                    unsafe bias.withUnsafeBufferPointer {
                        unsafe p.bias = $0.baseAddress! + biasOffset
                        unsafe table.pointee.product(&p)
                    }
                } else {
                    unsafe table.pointee.product(&p)
                }
            }
        }
    }
}
