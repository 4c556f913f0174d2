import CFlowKernels

/// Kind of ``UnivariateTransform/shift``, which has no sizes.
struct ShiftKind: TransformKind {
    static let kernel = flow_transform_shift
    var fault: TransformFault? { nil }
    var parameterCount: Int { 1 }
    var kernelSizes: [Float] { [] }
}

extension UnivariateTransform {
    /// A shift, `z = x + t`, with one parameter `t`; its log-derivative is 0.
    ///
    /// Source: Dinh, Krueger & Bengio, *NICE* (2014), §3.2, arXiv:1410.8516.
    public static let shift = UnivariateTransform(ShiftKind())
}
