extension Kernels {
    /// `x = f(x)` over `rows` runs of `columns` elements, `stride` apart.
    package func activate(
        _ f: Activation, x: inout MutableSpan<Float>, offset: Int, rows: Int, columns: Int, stride: Int
    ) {
        for r in 0..<rows {
            for j in offset + r * stride..<offset + r * stride + columns { x[j] = Reference.activation(f, x[j]) }
        }
    }

    /// `y = f(x)` over `count` elements from each offset.
    package func activate(
        _ f: Activation, from x: Span<Float>, _ xOffset: Int, to y: inout MutableSpan<Float>, _ yOffset: Int, count: Int
    ) {
        for i in 0..<count { y[yOffset + i] = Reference.activation(f, x[xOffset + i]) }
    }

    /// Affine map in place, data → latent, on `dims` (at most 16) dimensions of row-major rows: `x[r, i]` is at
    /// `offset + r · stride + i · step` with `step` 1 or 2. `parameters` is `[rows, 32]`: lane `i` the shift `t`, lane
    /// `16 + i` the unbounded log-scale. Adds `Σᵢ s` to `logDet[r]`, nats.
    package func affineForward(
        parameters: Span<Float>, bound: Float, rows: Int, dims: Int, x: inout MutableSpan<Float>, offset: Int,
        stride: Int, step: Int, logDet: inout MutableSpan<Float>
    ) {
        for r in 0..<rows {
            for i in 0..<dims {
                let s = boundedLogScale(parameters[r * 32 + 16 + i], bound: bound)
                let at = offset + r * stride + i * step
                x[at] = x[at] * Reference.exp(s) + parameters[r * 32 + i]
                logDet[r] += s
            }
        }
    }

    /// The inverse of ``affineForward(parameters:bound:rows:dims:x:offset:stride:step:logDet:)``; adds `−Σᵢ s`.
    package func affineInverse(
        parameters: Span<Float>, bound: Float, rows: Int, dims: Int, x: inout MutableSpan<Float>, offset: Int,
        stride: Int, step: Int, logDet: inout MutableSpan<Float>
    ) {
        for r in 0..<rows {
            for i in 0..<dims {
                let s = boundedLogScale(parameters[r * 32 + 16 + i], bound: bound)
                let at = offset + r * stride + i * step
                x[at] = (x[at] - parameters[r * 32 + i]) * Reference.exp(-s)
                logDet[r] -= s
            }
        }
    }

    /// One dimension of the sequential direction for `lanes` rows side by side: `x = (z − t) · exp(−s)`; adds `−s` to
    /// each row's log-det. `shift` and `logScale` are offsets into `parameters`.
    package func affineInverse(
        z: Span<Float>, _ zOffset: Int, parameters: Span<Float>, shift: Int, logScale: Int, bound: Float, lanes: Int,
        x: inout MutableSpan<Float>, _ xOffset: Int, logDet: inout MutableSpan<Float>
    ) {
        for r in 0..<lanes {
            let s = boundedLogScale(parameters[logScale + r], bound: bound)
            x[xOffset + r] = (z[zOffset + r] - parameters[shift + r]) * Reference.exp(-s)
            logDet[r] -= s
        }
    }
}
