import CFlowKernels

/// ``UnivariateTransform/affine(logScaleBound:)``, with its size.
struct AffineKind: TransformKind {
    let logScaleBound: Float

    static let kernel = flow_transform_affine
    var fault: TransformFault? { .notPositive("log_scale_bound", logScaleBound) }
    var parameterCount: Int { 2 }
    var kernelSizes: [Float] { [logScaleBound] }
}

extension UnivariateTransform {
    /// `z = x · exp(s) + t`, `s = a / (1 + |a|/c)` in `(−c, c)` nats, of the parameters shift `t` and `a`.
    public static func affine(logScaleBound c: Float) -> UnivariateTransform {
        UnivariateTransform(AffineKind(logScaleBound: c))
    }
}
