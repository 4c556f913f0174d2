import CFlowKernels

/// Kind of ``UnivariateTransform/affine(logScaleBound:)``, with its size.
struct AffineKind: TransformKind {
    let logScaleBound: Float

    static let kernel = flow_transform_affine
    var fault: TransformFault? { .notPositive("log_scale_bound", logScaleBound) }
    var parameterCount: Int { 2 }
    var kernelSizes: [Float] { [logScaleBound] }
}

extension UnivariateTransform {
    /// An affine map, `z = x · exp(s) + t`, with two parameters: the shift `t`, and `a`, of which the log-scale is
    /// `s = a / (1 + |a|/c)`, in `(−c, c)` nats.
    public static func affine(logScaleBound c: Float) -> UnivariateTransform {
        UnivariateTransform(AffineKind(logScaleBound: c))
    }
}
