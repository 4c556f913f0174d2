import CFlowKernels

/// Element-wise kernels of training. Arrays are unit-major, a unit's `rows` side by side, `rows` a multiple of 16.
extension Kernels {
    /// Pulls a cotangent back through an activation, `dx = dx · f′(x)`, `x` being what it was applied to.
    package func activationBackward(_ f: Activation, x: Span<Float>, dx: inout MutableSpan<Float>) {
        precondition(x.count == dx.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe dx.withUnsafeMutableBufferPointer { dx in
                unsafe table.pointee.activation_backward(f.kernel, x.baseAddress, dx.baseAddress, x.count)
            }
        }
    }

    /// Pulls `count` cotangents from `dxOffset` on back through an activation of the elements from `xOffset` on.
    package func activationBackward(
        _ f: Activation, x: [Float], _ xOffset: Int, dx: inout [Float], _ dxOffset: Int, count: Int
    ) {
        precondition(xOffset >= 0 && dxOffset >= 0 && count > 0)
        precondition(xOffset + count <= x.count && dxOffset + count <= dx.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe dx.withUnsafeMutableBufferPointer { dx in
                unsafe table.pointee.activation_backward(
                    f.kernel, x.baseAddress! + xOffset, dx.baseAddress! + dxOffset, count)
            }
        }
    }

    /// Adds the columns of each of `rows` rows to sixteen sums, column `c` to sum `c mod 16`: `sums` is `[rows, 16]`, and
    /// `columns` a multiple of 16. So a sum over many parts does not depend on where the parts were cut.
    package func laneSums(
        _ x: Span<Float>, _ px: Operand, rows: Int, columns: Int, sums: inout MutableSpan<Float>
    ) {
        precondition(rows > 0 && columns > 0 && columns % 16 == 0 && sums.count >= 16 * rows && px.stride == 1)
        precondition(px.fits(x.count, steps: rows, count: columns))
        unsafe x.withUnsafeBufferPointer { x in
            unsafe sums.withUnsafeMutableBufferPointer { sums in
                // In bounds by the preconditions above.
                unsafe table.pointee.lane_sums(
                    x.baseAddress! + px.offset, px.stepStride, rows, columns, sums.baseAddress!)
            }
        }
    }
}
