import CFlowKernels

/// Element-wise kernels of training. Arrays are unit-major, a unit's `rows` side by side, `rows` a multiple of 16.
extension Kernels {
    /// `dx = dx · f′(x)`, `x` being what the activation was applied to.
    package func activationBackward(_ f: Activation, x: Span<Float>, dx: inout MutableSpan<Float>) {
        precondition(x.count == dx.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe dx.withUnsafeMutableBufferPointer { dx in
                unsafe table.pointee.activation_backward(f.kernel, x.baseAddress, dx.baseAddress, x.count)
            }
        }
    }

    /// `z = x · exp(s) + t` with `s = a / (1 + |a|/bound)`; adds `Σᵢ s` to `logDet[r]`, nats. `x` and `z` are
    /// `[dims, rows]`, `parameters` is `[2 · dims, rows]`: row `2i` is the shift `t` of dimension `i`, row `2i + 1` the
    /// unbounded log-scale `a`.
    package func affineForward(
        x: Span<Float>, parameters: Span<Float>, bound: Float, rows: Int, z: inout MutableSpan<Float>,
        logDet: inout MutableSpan<Float>
    ) {
        let dims = Self.dims(x, parameters, rows)
        precondition(z.count == x.count && logDet.count == rows)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe parameters.withUnsafeBufferPointer { parameters in
                unsafe z.withUnsafeMutableBufferPointer { z in
                    unsafe logDet.withUnsafeMutableBufferPointer { logDet in
                        var p = unsafe flow_affine_columns(
                            x: x.baseAddress, parameters: parameters.baseAddress, bound: bound, dims: dims, rows: rows)
                        unsafe table.pointee.affine_columns(&p, z.baseAddress, logDet.baseAddress)
                    }
                }
            }
        }
    }

    /// Gradients of ``affineForward(x:parameters:bound:rows:z:logDet:)``:
    /// `dx = dz·eˢ`, `dt = dz`, `ds = dz·x·eˢ + dLogDet`, `da = ds / (1 + |a|/bound)²`. Sets `dx` and `dParameters`.
    package func affineBackward(
        dz: Span<Float>, dLogDet: Span<Float>, x: Span<Float>, parameters: Span<Float>, bound: Float, rows: Int,
        dx: inout MutableSpan<Float>, dParameters: inout MutableSpan<Float>
    ) {
        let dims = Self.dims(x, parameters, rows)
        precondition(dz.count == x.count && dLogDet.count == rows)
        precondition(dx.count == x.count && dParameters.count == parameters.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe parameters.withUnsafeBufferPointer { parameters in
                unsafe dz.withUnsafeBufferPointer { dz in
                    unsafe dLogDet.withUnsafeBufferPointer { dLogDet in
                        unsafe dx.withUnsafeMutableBufferPointer { dx in
                            unsafe dParameters.withUnsafeMutableBufferPointer { dParameters in
                                var p = unsafe flow_affine_columns(
                                    x: x.baseAddress, parameters: parameters.baseAddress, bound: bound, dims: dims,
                                    rows: rows)
                                unsafe table.pointee.affine_columns_backward(
                                    &p, dz.baseAddress, dLogDet.baseAddress, dx.baseAddress, dParameters.baseAddress)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func dims(_ x: Span<Float>, _ parameters: Span<Float>, _ rows: Int) -> Int {
        precondition(rows > 0 && rows % 16 == 0 && x.count % rows == 0 && parameters.count == 2 * x.count)
        return x.count / rows
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
