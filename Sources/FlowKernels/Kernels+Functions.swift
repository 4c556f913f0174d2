import CFlowKernels

/// An element-wise function of the kernels, beside the activations.
package enum ElementFunction: UInt32, CaseIterable, Sendable {
    /// `eˣ`.
    case exp
    /// `ln x`.
    case log
    /// `1 / (1 + e⁻ˣ)`.
    case sigmoid
    /// `ln(1 + eˣ)`.
    case softplus
    /// `Φ(x)`, the standard normal distribution function.
    case normalDistribution
}

extension Kernels {
    /// Applies a function, `y = f(x)`, to `count` elements from each offset on. An element's bits do not depend on where it
    /// stands.
    package func apply(
        _ f: ElementFunction, from x: Span<Float>, _ xOffset: Int = 0, to y: inout MutableSpan<Float>,
        _ yOffset: Int = 0, count: Int
    ) {
        precondition(count > 0 && xOffset >= 0 && yOffset >= 0)
        precondition(xOffset + count <= x.count && yOffset + count <= y.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.apply(
                    flow_function(rawValue: f.rawValue), x.baseAddress! + xOffset, y.baseAddress! + yOffset, count)
            }
        }
    }

    /// Computes `y[r] = ln Σⱼ exp x[r, j]` over row-major `[rows, columns]`, without overflow: NaN where a row holds NaN, else ∞
    /// where it holds ∞, −∞ where it holds nothing but −∞.
    package func logSumExp(_ x: Span<Float>, rows: Int, columns: Int, to y: inout MutableSpan<Float>) {
        precondition(rows > 0 && columns > 0 && rows * columns <= x.count && rows <= y.count)
        unsafe x.withUnsafeBufferPointer { x in
            unsafe y.withUnsafeMutableBufferPointer { y in
                unsafe table.pointee.log_sum_exp(x.baseAddress!, rows, columns, y.baseAddress!)
            }
        }
    }

    /// Computes `x[r, j] = exp x[r, j] / Σᵢ exp x[r, i]` in place over row-major `[rows, columns]`: NaN throughout a row whose
    /// ``logSumExp(_:rows:columns:to:)`` is not finite.
    package func softmax(_ x: inout MutableSpan<Float>, rows: Int, columns: Int) {
        precondition(rows > 0 && columns > 0 && rows * columns <= x.count)
        unsafe x.withUnsafeMutableBufferPointer { x in
            unsafe table.pointee.softmax(x.baseAddress!, rows, columns)
        }
    }

    /// Draws the first `count` uniforms on (0, 1) of a Philox4x32-10 stream into `y` from `offset` on, with the bits of the plain
    /// twin, `RandomStream.uniform()`.
    package func uniforms(
        seed: UInt64, stream: UInt64, to y: inout MutableSpan<Float>, offset: Int, count: Int
    ) {
        precondition(offset >= 0 && count >= 0 && offset + count <= y.count)
        unsafe y.withUnsafeMutableBufferPointer { y in
            guard count > 0 else { return }
            unsafe table.pointee.uniforms(seed, stream, y.baseAddress! + offset, count)
        }
    }
}
