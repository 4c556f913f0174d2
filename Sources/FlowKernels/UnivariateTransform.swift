import CFlowKernels

/// A one-to-one map of one number by parameters that a network gives: what couplings and masked autoregressive maps do to
/// each dimension. Parameters are unbounded, and zeros give the identity.
public enum UnivariateTransform: Sendable, Equatable {
    /// `z = x · exp(s) + t`, `s = a / (1 + |a|/c)` in `(−c, c)` nats, of the parameters shift `t` and `a`.
    case affine(logScaleBound: Float)
    /// A monotone rational-quadratic spline through `bins + 1` knots on `[−tailBound, tailBound]`, and the identity outside.
    /// Its parameters are `bins` widths, `bins` heights and `bins − 1` derivatives at the inner knots, where 1 is that of
    /// the outer two. No bin is narrower or lower than a thousandth of the square, and derivatives lie between 10⁻³ and 10³.
    ///
    /// Source: Durkan et al., *Neural Spline Flows* (2019), §3.1, arXiv:1906.04032; derivatives by a softplus that is
    /// moved so that a parameter of 0 gives 1.
    case spline(bins: Int, tailBound: Float)
    /// `z = x + t` of one parameter, the shift `t`; the log-derivative is 0.
    ///
    /// Source: Dinh, Krueger & Bengio, *NICE* (2014), §3.2, arXiv:1410.8516.
    case shift

    /// Bins of a spline: one is no spline, and the kernels keep the knots of a vector's lanes on the stack.
    public static let binCounts = 2...Int(FLOW_MOST_BINS)

    /// Parameters of a dimension.
    public var parameterCount: Int {
        switch self {
        case .affine: 2
        case .spline(let bins, _): 3 * bins - 1
        case .shift: 1
        }
    }

    /// As C has it.
    var kernel: flow_transform {
        switch self {
        case .affine(let bound):
            return flow_transform(kind: FLOW_AFFINE, bound: bound, bins: 0)
        case .spline(let bins, let bound):
            precondition(Self.binCounts.contains(bins))
            return flow_transform(kind: FLOW_SPLINE, bound: bound, bins: Int32(bins))
        case .shift:
            return flow_transform(kind: FLOW_SHIFT, bound: 0, bins: 0)
        }
    }
}
