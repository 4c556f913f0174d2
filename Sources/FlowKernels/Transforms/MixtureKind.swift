import CFlowKernels

/// Kind of ``UnivariateTransform/mixture(components:scaleBound:)``, with its sizes.
struct MixtureKind: TransformKind {
    let components: Int
    let scaleBound: Float

    static let kernel = flow_transform_mixture
    var fault: TransformFault? {
        .outside(UnivariateTransform.componentCounts, "components", components)
            ?? .outside(UnivariateTransform.mixtureScaleBounds, "mixture_scale_bound", scaleBound)
    }
    var parameterCount: Int {
        UnivariateTransform.componentCounts.contains(components) ? 3 * components + 2 : 0
    }
    var kernelSizes: [Float] { [Float(components), scaleBound] }
}

extension UnivariateTransform {
    /// Allowed numbers of components: one is no mixture, and the kernels keep those of a vector's lanes on the stack.
    public static let componentCounts = 2...Int(FLOW_MOST_PARTS)
    /// Allowed bounds of a mixture's log-scales, nats: with scales up to `e²⁰` no sum in single precision overflows.
    public static let mixtureScaleBounds: ClosedRange<Float> = 1e-3...20

    /// A mixture of logistics, the logit of its distribution function, then an affine map: with `K` components,
    ///
    ///     F(x) = Σₖ πₖ σ((x − mₖ) e⁻ˡᵏ),   z = eˢ · ln(F(x) / (1 − F(x))) + t
    ///
    /// Its `3K + 2` parameters are the shift `t`, the raw log-scale of `s`, `K` log-weights, `K` raw means and `K` raw log-scales.
    /// Log-scales are `a / (1 + |a|/c)` of raw `a`, in `(−c, c)` nats. A weight is the softmax plus 10⁻²⁶. The inverse takes
    /// Newton's steps in a bracket until `ln(F / (1 − F))` is that of `z` within `2⁻²¹`, of its magnitude where that is above 1,
    /// or until `x` has no nearer neighbour in single precision.
    ///
    /// Source: Ho et al., *Flow++* (2019), §3.2, arXiv:1902.00275. Unlike there, means stand `2/K` apart, from `1/K − 1` to
    /// `1 − 1/K`, where parameters are zero (components that start equal would stay so), so that the map then is within
    /// 0.17 of the identity and its log-derivative within 0.08 of 0; and log-scales are bounded smoothly on both sides, not cut
    /// off at −7.
    public static func mixture(components: Int, scaleBound c: Float) -> UnivariateTransform {
        UnivariateTransform(MixtureKind(components: components, scaleBound: c))
    }
}
