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
    /// `x = f(x)` over `rows` runs of `columns` elements, `stride` apart.
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

    /// `y = f(x)` over `count` elements from each offset.
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

    /// Affine map in place, data → latent, on `dims` (at most 16) dimensions of row-major rows: `x[r, i]` is at
    /// `offset + r · stride + i · step` with `step` 1 or 2. `parameters` is `[rows, 32]`: lane `i` the shift `t`, lane
    /// `16 + i` the unbounded log-scale, 0 in lanes without a dimension. Adds `Σᵢ s` to `logDet[r]`, nats.
    ///
    /// With a step of 2 rows begin at even offsets, and the other dimension of each pair is left as it is.
    package func affineForward(
        parameters: Span<Float>, bound: Float, rows: Int, dims: Int, x: inout MutableSpan<Float>, offset: Int,
        stride: Int, step: Int, logDet: inout MutableSpan<Float>
    ) {
        unsafe affine(
            table.pointee.affine_forward, parameters: parameters, bound: bound, rows: rows, dims: dims, x: &x,
            offset: offset, stride: stride, step: step, logDet: &logDet)
    }

    /// The inverse of ``affineForward(parameters:bound:rows:dims:x:offset:stride:step:logDet:)``; adds `−Σᵢ s`.
    package func affineInverse(
        parameters: Span<Float>, bound: Float, rows: Int, dims: Int, x: inout MutableSpan<Float>, offset: Int,
        stride: Int, step: Int, logDet: inout MutableSpan<Float>
    ) {
        unsafe affine(
            table.pointee.affine_inverse, parameters: parameters, bound: bound, rows: rows, dims: dims, x: &x,
            offset: offset, stride: stride, step: step, logDet: &logDet)
    }

    private func affine(
        _ kernel: (UnsafePointer<flow_affine>?) -> Void, parameters: Span<Float>, bound: Float, rows: Int, dims: Int,
        x: inout MutableSpan<Float>, offset: Int, stride: Int, step: Int, logDet: inout MutableSpan<Float>
    ) {
        precondition(rows > 0 && (1...16).contains(dims) && offset >= 0 && (step == 1 || step == 2))
        precondition(parameters.count >= 32 * rows && logDet.count >= rows && stride >= dims * step)
        precondition(step == 1 || stride % 2 == 0)
        // with a step of 2 whole pairs are read where all 16 dimensions are there
        let last = step == 1 ? offset + dims - 1 : dims == 16 ? offset & ~1 + 31 : offset + 2 * (dims - 1)
        precondition((rows - 1) * stride + last < x.count)
        unsafe parameters.withUnsafeBufferPointer { parameters in
            unsafe x.withUnsafeMutableBufferPointer { x in
                unsafe logDet.withUnsafeMutableBufferPointer { logDet in
                    var p = unsafe flow_affine()
                    unsafe p.parameters = parameters.baseAddress
                    unsafe p.bound = bound
                    unsafe p.rows = rows
                    unsafe p.dims = dims
                    unsafe p.x = x.baseAddress! + offset
                    unsafe p.stride = stride
                    unsafe p.step = step
                    unsafe p.odd = offset & 1
                    unsafe p.log_det = logDet.baseAddress
                    unsafe kernel(&p)
                }
            }
        }
    }

    /// The first `count` standard normals of a Philox4x32-10 stream, from `offset` on. The twin draws one after another:
    /// `RandomStream.normal()`.
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
