import CFlowKernels

extension Activation {
    var kernel: flow_activation {
        switch self {
        case .relu: FLOW_RELU
        case .tanh: FLOW_TANH
        case .elu: FLOW_ELU
        case .gelu: FLOW_GELU
        }
    }
}

extension Kernels {
    /// Applies an activation in place, `x = f(x)`, over `rows` runs of `columns` elements, `stride` apart.
    package func activate(
        _ f: Activation, x: inout MutableSpan<Float>, offset: Int, rows: Int, columns: Int, stride: Int
    ) {
        precondition(rows > 0 && columns > 0 && stride >= columns && offset >= 0)
        precondition(offset + (rows - 1) * stride + columns <= x.count)
        unsafe x.withUnsafeMutableBufferPointer { x in
            let first = unsafe x.baseAddress! + offset
            unsafe table.pointee.activate(f.kernel, first, stride, first, stride, rows, columns)
        }
    }

    /// Applies an activation, `y = f(x)`, to `count` elements from each offset on.
    package func activate(
        _ f: Activation, from x: Span<Float>, _ xOffset: Int, to y: inout MutableSpan<Float>, _ yOffset: Int, count: Int
    ) {
        precondition(count > 0 && xOffset >= 0 && yOffset >= 0)
        precondition(xOffset + count <= x.count && yOffset + count <= y.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.activate(
                    f.kernel, x.baseAddress! + xOffset, count, y.baseAddress! + yOffset, count, 1, count)
            }
        }
    }

    /// Draws the first `count` standard normals of a Philox4x32-10 stream into `y` from `offset` on. The plain twin,
    /// `RandomStream.normal()`, draws one after another.
    package func normals(
        seed: UInt64, stream: UInt64, to y: inout MutableSpan<Float>, offset: Int, count: Int
    ) {
        precondition(offset >= 0 && count >= 0 && offset + count <= y.count)
        unsafe y.withUnsafeMutableBufferPointer { y in
            guard count > 0 else { return }
            unsafe table.pointee.normals(seed, stream, y.baseAddress! + offset, count)
        }
    }
}
