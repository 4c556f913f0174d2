import CFlowKernels

extension Kernels {
    /// Transforms `dims` (at most 16) dimensions of row-major rows in place, data → latent or back: `x[r, i]` is at
    /// `offset + r · stride + i · step` with `step` 1 or 2. `parameters` is `[rows, parameterStride]`: parameter `j` of
    /// dimension `i` is lane `16 j + i`, finite in lanes without a dimension. Adds the log-derivatives to `logDet[r]`, nats.
    ///
    /// With a step of 2 rows begin at even offsets, and the other dimension of each pair is left as it is. Its plain twin is
    /// ``Reference/transform(_:inverse:_:parameters:)``.
    package func transform(
        _ transform: UnivariateTransform, inverse: Bool, parameters: [Float], parameterStride: Int, rows: Int,
        dims: Int,
        x: inout [Float], offset: Int, stride: Int, step: Int, logDet: inout [Float]
    ) {
        var none: [Float] = []
        self.transform(
            transform, inverse: inverse, parameters: parameters, parameterStride: parameterStride, rows: rows,
            dims: dims, x: &x, offset: offset, stride: stride, step: step, logDet: &logDet, logDerivatives: &none)
    }

    /// Transforms as ``transform(_:inverse:parameters:parameterStride:rows:dims:x:offset:stride:step:logDet:)``; adds each
    /// dimension's log-derivative, nats, to `logDerivatives` too, which is laid out as `x`, or empty where nobody asks.
    /// - Precondition: `logDerivatives` is empty with a step of 2.
    package func transform(
        _ transform: UnivariateTransform, inverse: Bool, parameters: [Float], parameterStride: Int, rows: Int,
        dims: Int, x: inout [Float], offset: Int, stride: Int, step: Int, logDet: inout [Float],
        logDerivatives: inout [Float]
    ) {
        precondition(logDerivatives.isEmpty || step == 1 && logDerivatives.count == x.count)
        precondition(transform.parameterCount > 0)
        precondition(rows > 0 && (1...16).contains(dims) && offset >= 0 && (step == 1 || step == 2))
        precondition(parameterStride >= 16 * transform.parameterCount && parameters.count >= parameterStride * rows)
        precondition(logDet.count >= rows && stride >= dims * step && (step == 1 || stride % 2 == 0))
        // with a step of 2 whole pairs are read where all 16 dimensions are there
        let last = step == 1 ? offset + dims - 1 : dims == 16 ? offset & ~1 + 31 : offset + 2 * (dims - 1)
        precondition((rows - 1) * stride + last < x.count)
        unsafe parameters.withUnsafeBufferPointer { parameters in
            unsafe x.withUnsafeMutableBufferPointer { x in
                unsafe logDet.withUnsafeMutableBufferPointer { logDet in
                    unsafe logDerivatives.withUnsafeMutableBufferPointer { logDerivatives in
                        var p = unsafe flow_panel()
                        unsafe p.transform = transform.kernel
                        unsafe p.inverse = inverse ? 1 : 0
                        unsafe p.parameters = parameters.baseAddress
                        unsafe p.parameter_stride = parameterStride
                        unsafe p.rows = rows
                        unsafe p.dims = dims
                        unsafe p.x = x.baseAddress! + offset
                        unsafe p.stride = stride
                        unsafe p.step = step
                        unsafe p.odd = offset & 1
                        unsafe p.log_det = logDet.baseAddress
                        if !logDerivatives.isEmpty {
                            unsafe p.log_derivatives = logDerivatives.baseAddress! + offset
                        }
                        unsafe table.pointee.panel(&p)
                    }
                }
            }
        }
    }

    /// Transforms unit-major arrays, data → latent, a unit's `rows` side by side, `rows` a multiple of 16:
    /// `x` and `z` are `[dims, rows]`, `parameters` is `[dims, parameterCount, rows]`. Adds the log-derivatives to
    /// `logDet[r]`, nats.
    package func transformForward(
        _ transform: UnivariateTransform, x: Span<Float>, parameters: Span<Float>, rows: Int,
        z: inout MutableSpan<Float>, logDet: inout MutableSpan<Float>
    ) {
        columns(transform, inverse: false, x: x, parameters: parameters, rows: rows, z: &z, logDet: &logDet)
    }

    /// Transforms unit-major arrays, `[dims, rows]`, data → latent, or latent → data with `inverse`; `parameters` is
    /// `[dims, parameterCount, rows]`, `rows` a multiple of 16. Adds the log-derivatives of what was done to `logDet[r]`, nats.
    package func columns(
        _ transform: UnivariateTransform, inverse: Bool, x: Span<Float>, parameters: Span<Float>, rows: Int,
        z: inout MutableSpan<Float>, logDet: inout MutableSpan<Float>
    ) {
        check(transform, x, parameters, rows)
        precondition(z.count == x.count && logDet.count == rows)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe parameters.withUnsafeBufferPointer { parameters in
                unsafe z.withUnsafeMutableBufferPointer { z in
                    unsafe logDet.withUnsafeMutableBufferPointer { logDet in
                        var p = unsafe columns(transform, x, parameters, rows, inverse: inverse)
                        unsafe table.pointee.columns(&p, z.baseAddress, logDet.baseAddress)
                    }
                }
            }
        }
    }

    /// Transforms the first `dims` units of whole unit-major arrays, data → latent, or latent → data with `inverse`; `parameters`
    /// is `[dims, parameterCount, rows]`, `rows` a multiple of 16. Adds the log-derivatives of what was done to `logDet[r]`, nats.
    package func columns(
        _ transform: UnivariateTransform, inverse: Bool, x: [Float], parameters: [Float], dims: Int, rows: Int,
        z: inout [Float], logDet: inout [Float]
    ) {
        precondition(transform.parameterCount > 0)
        precondition(rows > 0 && rows % 16 == 0 && dims * rows <= min(x.count, z.count) && rows <= logDet.count)
        precondition(dims * transform.parameterCount * rows <= parameters.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe parameters.withUnsafeBufferPointer { parameters in
                unsafe z.withUnsafeMutableBufferPointer { z in
                    unsafe logDet.withUnsafeMutableBufferPointer { logDet in
                        var p = unsafe columns(
                            transform, x.extracting(0..<dims * rows), parameters, rows, inverse: inverse)
                        unsafe table.pointee.columns(&p, z.baseAddress, logDet.baseAddress)
                    }
                }
            }
        }
    }

    /// Pulls cotangents back through ``transformForward(_:x:parameters:rows:z:logDet:)``: sets `dx` and `dParameters` to the
    /// gradients of `Σ dz · z + dLogDet · logDet`.
    package func transformBackward(
        _ transform: UnivariateTransform, dz: Span<Float>, dLogDet: Span<Float>, x: Span<Float>,
        parameters: Span<Float>, rows: Int, dx: inout MutableSpan<Float>, dParameters: inout MutableSpan<Float>
    ) {
        check(transform, x, parameters, rows)
        precondition(dz.count == x.count && dLogDet.count == rows)
        precondition(dx.count == x.count && dParameters.count == parameters.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe parameters.withUnsafeBufferPointer { parameters in
                unsafe dz.withUnsafeBufferPointer { dz in
                    unsafe dLogDet.withUnsafeBufferPointer { dLogDet in
                        unsafe dx.withUnsafeMutableBufferPointer { dx in
                            unsafe dParameters.withUnsafeMutableBufferPointer { dParameters in
                                var p = unsafe columns(transform, x, parameters, rows)
                                unsafe table.pointee.columns_backward(
                                    &p, dz.baseAddress, dLogDet.baseAddress, dx.baseAddress, dParameters.baseAddress)
                            }
                        }
                    }
                }
            }
        }
    }

    private func check(_ transform: UnivariateTransform, _ x: Span<Float>, _ parameters: Span<Float>, _ rows: Int) {
        precondition(rows > 0 && rows % 16 == 0 && x.count % rows == 0 && transform.parameterCount > 0)
        precondition(parameters.count == transform.parameterCount * x.count)
    }

    private func columns(
        _ transform: UnivariateTransform, _ x: UnsafeBufferPointer<Float>, _ parameters: UnsafeBufferPointer<Float>,
        _ rows: Int, inverse: Bool = false
    ) -> flow_columns {
        unsafe flow_columns(
            transform: transform.kernel, inverse: inverse ? 1 : 0, x: x.baseAddress, parameters: parameters.baseAddress,
            dims: x.count / rows, rows: rows)
    }
}
