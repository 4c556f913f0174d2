import CFlowKernels

/// Coefficients of one Adam step, the same for every weight.
package struct AdamCoefficients: Sendable {
    /// Rate of the first moments, `1 − β₁`.
    package var firstRate: Float
    /// Rate of the second moments, `1 − β₂`.
    package var secondRate: Float
    /// Learning rate over `1 − β₁ᵗ`.
    package var step: Float
    /// Bias correction of the second moments' root, `1/√(1 − β₂ᵗ)`.
    package var secondScale: Float
    /// `ε`, added to the root of the second moments.
    package var epsilon: Float
    /// Factor that clips the gradient.
    package var gradientScale: Float
    /// Factor of the weights by decay, `1 − learning rate · weight decay`.
    package var keep: Float
    /// Decay of the moving average of the weights in this step.
    package var averageDecay: Float

    package init(
        firstRate: Float, secondRate: Float, step: Float, secondScale: Float, epsilon: Float, gradientScale: Float,
        keep: Float, averageDecay: Float
    ) {
        self.firstRate = firstRate
        self.secondRate = secondRate
        self.step = step
        self.secondScale = secondScale
        self.epsilon = epsilon
        self.gradientScale = gradientScale
        self.keep = keep
        self.averageDecay = averageDecay
    }
}

extension Kernels {
    /// Takes one Adam step and one step of the weights' moving average on the elements `range` of gradient and weights, whose
    /// moments and averages stand from element `at` on, by default from that of the range on:
    ///
    ///     g ← clip · g;   m ← m + (1 − β₁)(g − m);   v ← v + (1 − β₂)(g² − v)
    ///     w ← keep · w − step · m/(√v · secondScale + ε);   a ← d · a + (1 − d) · w
    ///
    /// One pass over memory; the same bits in every instruction set. Its twin is
    /// ``Reference/adamStep(_:gradient:first:second:weight:average:)``.
    package func adamStep(
        _ c: AdamCoefficients, gradient: Span<Float>, first: inout MutableSpan<Float>,
        second: inout MutableSpan<Float>, weights: inout MutableSpan<Float>, average: inout MutableSpan<Float>,
        range: Range<Int>, at: Int? = nil
    ) {
        let (of, own) = (range.lowerBound, at ?? range.lowerBound)
        precondition(range.lowerBound >= 0 && range.upperBound <= gradient.count && weights.count == gradient.count)
        precondition(own >= 0 && own <= first.count - range.count)
        precondition(second.count == first.count && average.count == first.count)
        guard !range.isEmpty else { return }
        var numbers = flow_adam(
            first_rate: c.firstRate, second_rate: c.secondRate, step: c.step, second_scale: c.secondScale,
            epsilon: c.epsilon, gradient_scale: c.gradientScale, keep: c.keep, average_decay: c.averageDecay)
        unsafe gradient.withUnsafeBufferPointer { gradient in
            unsafe first.withUnsafeMutableBufferPointer { first in
                unsafe second.withUnsafeMutableBufferPointer { second in
                    unsafe weights.withUnsafeMutableBufferPointer { weights in
                        unsafe average.withUnsafeMutableBufferPointer { average in
                            // In bounds by the preconditions above.
                            unsafe table.pointee.adam(
                                &numbers, gradient.baseAddress! + of, first.baseAddress! + own,
                                second.baseAddress! + own, weights.baseAddress! + of, average.baseAddress! + own,
                                range.count)
                        }
                    }
                }
            }
        }
    }

    /// Computes `Σᵢ x[i]²` over `range`, in double precision; the same bits in every instruction set.
    package func sumOfSquares(_ x: Span<Float>, range: Range<Int>) -> Double {
        precondition(range.lowerBound >= 0 && range.upperBound <= x.count)
        guard !range.isEmpty else { return 0 }
        return unsafe x.withUnsafeBufferPointer {
            // In bounds by the precondition above.
            unsafe table.pointee.sum_of_squares($0.baseAddress! + range.lowerBound, range.count)
        }
    }
}
