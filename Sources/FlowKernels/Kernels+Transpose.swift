import CFlowKernels

extension Kernels {
    /// Transposes `rows × columns` elements, `y[c, r] = x[r, c]`; rows of either stand any stride apart, their elements side by
    /// side.
    package func transpose(
        _ x: [Float], _ px: Operand, to y: inout [Float], _ py: Operand, rows: Int, columns: Int
    ) {
        precondition(rows > 0 && columns > 0 && px.stride == 1 && py.stride == 1)
        precondition(px.fits(x.count, steps: rows, count: columns) && py.fits(y.count, steps: columns, count: rows))
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.transpose(
                    x.baseAddress! + px.offset, px.stepStride, y.baseAddress! + py.offset, py.stepStride, rows, columns)
            }
        }
    }
}
