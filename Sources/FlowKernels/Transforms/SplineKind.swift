import CFlowKernels

/// Kind of ``UnivariateTransform/spline(bins:tailBound:)``, with its sizes.
struct SplineKind: TransformKind {
    let bins: Int
    let tailBound: Float

    static let kernel = flow_transform_spline
    var fault: TransformFault? {
        .notPositive("tail_bound", tailBound) ?? .outside(UnivariateTransform.binCounts, "bins", bins)
    }
    var parameterCount: Int { UnivariateTransform.binCounts.contains(bins) ? 3 * bins - 1 : 0 }
    var kernelSizes: [Float] { [Float(bins), tailBound] }
}

extension UnivariateTransform {
    /// Allowed numbers of bins: one is no spline, and the kernels keep the knots of a vector's lanes on the stack.
    public static let binCounts = 2...Int(FLOW_MOST_PARTS)

    /// A monotone rational-quadratic spline through `bins + 1` knots on `[−tailBound, tailBound]`, and the identity outside.
    /// Its parameters are `bins` widths, `bins` heights and `bins − 1` derivatives at the inner knots, where 1 is that of
    /// the outer two. No bin is narrower or lower than a thousandth of the square, and derivatives lie between 10⁻³ and 10³.
    ///
    /// Source: Durkan et al., *Neural Spline Flows* (2019), §3.1, arXiv:1906.04032; derivatives by a softplus that is
    /// moved so that a parameter of 0 gives 1.
    public static func spline(bins: Int, tailBound: Float) -> UnivariateTransform {
        UnivariateTransform(SplineKind(bins: bins, tailBound: tailBound))
    }
}
