import CFlowKernels

/// Sums and gates of residual blocks, on `count` elements from each offset on.
extension Kernels {
    /// Adds a multiple of `x`: `y = y + factor · x`.
    package func add(
        _ x: [Float], _ xOffset: Int, times factor: Float = 1, to y: inout [Float], _ yOffset: Int, count: Int
    ) {
        check(x, xOffset, count)
        check(y, yOffset, count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.add(factor, x.baseAddress! + xOffset, y.baseAddress! + yOffset, count)
            }
        }
    }

    /// Adds a gated value: `g = sigmoid(g)`, then `y = y + v · g`; `v` and `g` have one offset. Its plain twin is
    /// ``Reference/gate(v:g:y:)``.
    package func gate(
        _ v: [Float], _ g: inout [Float], _ offset: Int, to y: inout [Float], _ yOffset: Int, count: Int
    ) {
        check(v, offset, count)
        check(g, offset, count)
        check(y, yOffset, count)
        unsafe v.withUnsafeBufferPointer { v in
            unsafe g.withUnsafeMutableBufferPointer { g in
                unsafe y.withUnsafeMutableBufferPointer { y in
                    unsafe table.pointee.gate(
                        v.baseAddress! + offset, g.baseAddress! + offset, y.baseAddress! + yOffset, count)
                }
            }
        }
    }

    /// Pulls the cotangent `d` of `y + v · s`, `s = sigmoid(g)`, back: that of `v` replaces `v`, that of `g` replaces `s`. Its
    /// plain twin is ``Reference/gateBackward(d:v:s:)``.
    package func gateBackward(
        _ d: [Float], _ v: inout [Float], _ s: inout [Float], _ offset: Int, count: Int
    ) {
        check(d, offset, count)
        check(v, offset, count)
        check(s, offset, count)
        unsafe d.withUnsafeBufferPointer { d in
            unsafe v.withUnsafeMutableBufferPointer { v in
                unsafe s.withUnsafeMutableBufferPointer { s in
                    unsafe table.pointee.gate_backward(
                        d.baseAddress! + offset, v.baseAddress! + offset, s.baseAddress! + offset, count)
                }
            }
        }
    }

    private func check(_ x: [Float], _ offset: Int, _ count: Int) {
        precondition(offset >= 0 && count > 0 && offset + count <= x.count)
    }
}
