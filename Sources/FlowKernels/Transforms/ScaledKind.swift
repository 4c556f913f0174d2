import CFlowKernels

/// Function that makes the scale of an affine map of an unbounded number.
public enum ScaleFunction: String, Sendable, Codable, CaseIterable {
    /// `eˢ` of a soft-clipped log-scale `s`.
    case exp
    /// Softplus plus 10⁻³.
    case softplus
    /// Logistic function plus 10⁻³: a map that hardly stretches.
    case logistic
}

/// Kind of ``UnivariateTransform/softplusAffine``, which has no sizes.
struct SoftplusAffineKind: TransformKind {
    static let kernel = flow_transform_softplus_affine
    var fault: TransformFault? { nil }
    var parameterCount: Int { 2 }
    var kernelSizes: [Float] { [] }
}

/// Kind of ``UnivariateTransform/logisticAffine``, which has no sizes.
struct LogisticAffineKind: TransformKind {
    static let kernel = flow_transform_logistic_affine
    var fault: TransformFault? { nil }
    var parameterCount: Int { 2 }
    var kernelSizes: [Float] { [] }
}

extension UnivariateTransform {
    /// Least scale of ``softplusAffine`` and ``logisticAffine``.
    public static let leastScale: Float = 1e-3
    /// What softplus is moved by, so that a parameter of 0 gives the scale 1: `ln(e^(1 − 10⁻³) − 1)`.
    public static let softplusOffset: Float = 0.53974233
    /// What the logistic function is moved by, so that a parameter of 0 gives the scale 1: `ln 999`.
    public static let logisticOffset: Float = 6.9067548

    /// An affine map, `z = x · (ln(1 + e^(a + c)) + 10⁻³) + t`, with two parameters: the shift `t`, and `a`; `c` is ``softplusOffset``.
    ///
    /// Source: nflows 0.14, `MaskedAffineAutoregressiveTransform`, whose unconstrained scale is `a + c`.
    public static let softplusAffine = UnivariateTransform(SoftplusAffineKind())

    /// An affine map, `z = x · (σ(a + c) + 10⁻³) + t`, with two parameters: the shift `t`, and `a`; `c` is ``logisticOffset``.
    ///
    /// Source: nflows 0.14, `AffineCouplingTransform`, whose unconstrained scale plus 2 is `a + c`.
    public static let logisticAffine = UnivariateTransform(LogisticAffineKind())
}
