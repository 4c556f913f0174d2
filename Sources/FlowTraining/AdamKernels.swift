/// `sum[i] = Σₛ parts[s][offset + i]`, added in order, for `i` in `0 ..< sum.count`.
func sumParts(_ parts: [[Float]], offset: Int, sum: inout MutableSpan<Float>) {
    for (s, part) in parts.enumerated() {
        let part = part.span.extracting(offset..<offset + sum.count)
        if s == 0 {
            for i in 0..<sum.count { sum[i] = part[i] }
        } else {
            for i in 0..<sum.count { sum[i] += part[i] }
        }
    }
}

/// `Σᵢ x[i]²` in double precision, over eight interleaved sums.
func sumOfSquares(_ x: Span<Float>) -> Double {
    var sums = SIMD8<Double>.zero
    let whole = x.count & ~7
    for i in stride(from: 0, to: whole, by: 8) {
        let values = SIMD8<Float>(x[i], x[i + 1], x[i + 2], x[i + 3], x[i + 4], x[i + 5], x[i + 6], x[i + 7])
        let wide = SIMD8<Double>(values)
        sums += wide * wide
    }
    var tail = 0.0
    for i in whole..<x.count { tail += Double(x[i]) * Double(x[i]) }
    return sums.sum() + tail
}

/// `√x` of a number that is not negative, relative error below 5e-7, in operations that vectorise; `squareRoot()` does
/// not, because it may call the C library. Three Newton steps on `1/√x` from a guess by its exponent (Lomont, *Fast
/// Inverse Square Root* (2003)).
@inline(__always)
func root(_ x: Float) -> Float {
    let x = min(x, .greatestFiniteMagnitude)
    var inverse = Float(bitPattern: 0x5F37_5A86 &- (x.bitPattern >> 1))
    let half = 0.5 * x
    inverse *= 1.5 - half * inverse * inverse
    inverse *= 1.5 - half * inverse * inverse
    inverse *= 1.5 - half * inverse * inverse
    return x * inverse
}

/// The numbers of one Adam step that are the same for every weight.
struct AdamCoefficients {
    /// `1 − β₁` and `1 − β₂`.
    var firstRate: Float
    var secondRate: Float
    /// Learning rate over `1 − β₁ᵗ`.
    var step: Float
    /// `1/√(1 − β₂ᵗ)`.
    var secondScale: Float
    var epsilon: Float
    /// Factor that clips the gradient.
    var gradientScale: Float
    /// `1 − learning rate · weight decay`.
    var keep: Float
    /// Decay of the moving average of the weights in this step.
    var averageDecay: Float
}

/// One Adam step and one step of the weights' moving average, in loops of few arrays each so that they vectorise; all
/// spans have the same count and stay in the first- and second-level cache. `gradient` is scratch afterwards.
///
///     g ← clip · g;   m ← m + (1 − β₁)(g − m);   v ← v + (1 − β₂)(g² − v)
///     w ← keep · w − step · m/(√v · secondScale + ε);   a ← d · a + (1 − d) · w
func adamStep(
    _ c: AdamCoefficients, gradient: inout MutableSpan<Float>, first: inout MutableSpan<Float>,
    second: inout MutableSpan<Float>, weights: inout MutableSpan<Float>, average: inout MutableSpan<Float>
) {
    let n = gradient.count
    precondition(first.count == n && second.count == n && weights.count == n && average.count == n)
    for i in 0..<n {
        let g = gradient[i] * c.gradientScale
        gradient[i] = g
        first[i] += c.firstRate * (g - first[i])
    }
    for i in 0..<n {
        let g = gradient[i]
        second[i] += c.secondRate * (g * g - second[i])
    }
    for i in 0..<n {
        gradient[i] = c.step * first[i] / (root(second[i]) * c.secondScale + c.epsilon)
    }
    let freshness = 1 - c.averageDecay
    for i in 0..<n {
        let w = c.keep * weights[i] - gradient[i]
        weights[i] = w
        average[i] = c.averageDecay * average[i] + freshness * w
    }
}
