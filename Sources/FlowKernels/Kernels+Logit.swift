import CFlowKernels

/// The logit map `w = ln s − ln(1 − s)`, `s = α + (1 − 2α) · x/levels`, of `x` in `(0, levels)`.
package struct LogitMap: Sendable, Equatable {
    /// `α`, the distance of `s` from 0 and from 1 at either end.
    package let alpha: Double
    /// Number of values of a pixel, 256 in images of 8 bits.
    package let levels: Int
    /// Step of `s` from one level to the next, `(1 − 2α)/levels`.
    package let step: Double

    /// - Parameters:
    ///   - levels: 2 to 256.
    ///   - alpha: in `(0, 0.5)`.
    package init(levels: Int, alpha: Double) {
        precondition((2...256).contains(levels) && alpha > 0 && alpha < 0.5)
        self.alpha = alpha
        self.levels = levels
        step = (1 - 2 * alpha) / Double(levels)
    }

    fileprivate var kernel: flow_logit { flow_logit(alpha: alpha, step: step, levels: Double(levels)) }
}

extension Kernels {
    /// Maps `x = pixels[j] + noise[j]` to `w[offset + j]`, computed in double precision.
    /// - Parameter noise: in (0, 1).
    /// - Returns: `Σ [ln s + ln(1 − s)]`, nats. All instruction sets give the same bits.
    package func logit(
        _ map: LogitMap, pixels: Span<UInt8>, noise: Span<Float>, to w: inout MutableSpan<Float>, offset: Int
    ) -> Double {
        precondition(noise.count == pixels.count && offset >= 0 && offset + pixels.count <= w.count)
        guard pixels.count > 0 else { return 0 }
        var p = map.kernel
        return unsafe pixels.withUnsafeBufferPointer { pixels in
            unsafe noise.withUnsafeBufferPointer { noise in
                unsafe w.withUnsafeMutableBufferPointer { w in
                    unsafe table.pointee.logit(
                        &p, pixels.baseAddress!, noise.baseAddress!, w.baseAddress! + offset, pixels.count)
                }
            }
        }
    }

    /// Inverts the map and rounds down to levels; what lies outside `[0, levels)` belongs to the first and the last.
    /// - Returns: `Σ [ln s + ln(1 − s)]` at `w`, nats, the same bits in all instruction sets; nil when `w` holds NaN
    ///   or ±∞.
    package func levels(_ map: LogitMap, of w: Span<Float>, to pixels: inout MutableSpan<UInt8>) -> Double? {
        precondition(w.count == pixels.count)
        guard w.count > 0 else { return 0 }
        var p = map.kernel
        var sum = 0.0
        let isFinite = unsafe w.withUnsafeBufferPointer { w in
            unsafe pixels.withUnsafeMutableBufferPointer { pixels in
                unsafe table.pointee.levels(&p, w.baseAddress!, pixels.baseAddress!, w.count, &sum)
            }
        }
        return isFinite == 0 ? nil : sum
    }
}
