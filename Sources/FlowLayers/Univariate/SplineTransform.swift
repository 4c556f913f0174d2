public import FlowCore
public import FlowKernels

/// Monotone rational-quadratic splines on `[−B, B]`, and the identity outside.
public enum SplineTransform: TransformFamily {
    /// Number of bins of each spline.
    public static let bins = SizeField<Int>(
        "bins", standard: 8, .range(UnivariateTransform.binCounts), isRequired: false, help: "Bins of each spline."
    ) { "splines of \($0) bins" }
    /// Half width `B` of the range that splines bend, in standard deviations of the flow's input.
    public static let tailBound = SizeField<Float>(
        "tail_bound", standard: 5, .range(1e-3...1e6), isRequired: false, valueName: "b",
        help: "Splines bend the range from -b to b, in standard deviations."
    ) { "bent within ±\($0)" }

    public static let fields: [any SizeDescription] = [bins, tailBound]

    public static func transform(_ sizes: Sizes) -> UnivariateTransform {
        .spline(bins: sizes[bins], tailBound: sizes[tailBound])
    }
}
