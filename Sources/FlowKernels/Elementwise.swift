import Glibc

/// Fills row `u` of a unit-major `[bias.count, rows]` array with `bias[u]`.
package func broadcastBias(_ bias: Span<Float>, rows: Int, to: inout MutableSpan<Float>) {
    precondition(to.count >= bias.count * rows)
    for u in 0..<bias.count {
        for r in 0..<rows {
            to[u * rows + r] = bias[u]
        }
    }
}

/// `x = max(x, 0)`.
package func reluForward(_ x: inout MutableSpan<Float>) {
    for i in 0..<x.count {
        x[i] = max(x[i], 0)
    }
}

/// `dx = 0` where the activation was 0.
package func reluBackward(activation: Span<Float>, dx: inout MutableSpan<Float>) {
    precondition(activation.count == dx.count)
    for i in 0..<activation.count {
        dx[i] = activation[i] > 0 ? dx[i] : 0
    }
}

/// `dBias[u] += Σᵣ d[u, r]` over a unit-major `[units, rows]` array.
package func biasBackward(_ d: Span<Float>, rows: Int, dBias: inout MutableSpan<Float>) {
    precondition(d.count == dBias.count * rows)
    for u in 0..<dBias.count {
        var sum: Float = 0
        for r in 0..<rows {
            sum += d[u * rows + r]
        }
        dBias[u] += sum
    }
}

/// Log-scale from its unbounded parameter: `s = a / (1 + |a|/c)`, which lies in `(−c, c)` and is `a` near zero.
///
/// Source: zuko 1.6, `MonotonicAffineTransform`, where `c = |ln slope|`.
package func boundedLogScale(_ a: Float, bound: Float) -> Float {
    a / (1 + abs(a) / bound)
}

/// Element-wise affine map with its log-det.
///
/// `z = x · exp(s) + t` over unit-major `[dims, rows]` arrays, `parameters` being `[2 · dims, rows]`: row `2i` is the
/// shift `t` of dimension `i`, row `2i + 1` the unbounded log-scale `a`. Adds `Σᵢ s` to `logDet[r]`, nats.
package func affineForward(
    x: Span<Float>, parameters: Span<Float>, bound: Float, rows: Int,
    z: inout MutableSpan<Float>, logDet: inout MutableSpan<Float>
) {
    precondition(parameters.count == 2 * x.count && z.count == x.count && logDet.count == rows)
    for i in 0..<(x.count / rows) {
        for r in 0..<rows {
            let s = boundedLogScale(parameters[(2 * i + 1) * rows + r], bound: bound)
            z[i * rows + r] = x[i * rows + r] * exp(s) + parameters[2 * i * rows + r]
            logDet[r] += s
        }
    }
}

/// `x = (z − t) · exp(−s)`, the inverse of ``affineForward(x:parameters:bound:rows:z:logDet:)``; adds `−Σᵢ s`.
package func affineInverse(
    z: Span<Float>, parameters: Span<Float>, bound: Float, rows: Int,
    x: inout MutableSpan<Float>, logDet: inout MutableSpan<Float>
) {
    precondition(parameters.count == 2 * z.count && x.count == z.count && logDet.count == rows)
    for i in 0..<(z.count / rows) {
        for r in 0..<rows {
            let s = boundedLogScale(parameters[(2 * i + 1) * rows + r], bound: bound)
            x[i * rows + r] = (z[i * rows + r] - parameters[2 * i * rows + r]) * exp(-s)
            logDet[r] -= s
        }
    }
}

/// Gradients of ``affineForward(x:parameters:bound:rows:z:logDet:)``:
/// `dx = dz·eˢ`, `dt = dz`, `ds = dz·x·eˢ + dLogDet`, `da = ds / (1 + |a|/c)²`. Sets `dx` and `dParameters`.
package func affineBackward(
    dz: Span<Float>, dLogDet: Span<Float>, x: Span<Float>, parameters: Span<Float>, bound: Float, rows: Int,
    dx: inout MutableSpan<Float>, dParameters: inout MutableSpan<Float>
) {
    precondition(dz.count == x.count && dx.count == x.count && dLogDet.count == rows)
    precondition(parameters.count == 2 * x.count && dParameters.count == parameters.count)
    for i in 0..<(x.count / rows) {
        for r in 0..<rows {
            let a = parameters[(2 * i + 1) * rows + r]
            let shrink = 1 / (1 + abs(a) / bound)
            let scaled = dz[i * rows + r] * exp(a * shrink)
            dx[i * rows + r] = scaled
            dParameters[2 * i * rows + r] = dz[i * rows + r]
            dParameters[(2 * i + 1) * rows + r] = (scaled * x[i * rows + r] + dLogDet[r]) * shrink * shrink
        }
    }
}
