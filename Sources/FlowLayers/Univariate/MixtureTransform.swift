public import FlowCore
public import FlowKernels

/// Mixtures of logistics, `z = eˢ · ln(F(x) / (1 − F(x))) + t` with `F` a mixture's distribution function.
public enum MixtureTransform: TransformFamily {
    /// Number `K` of logistic components of each mixture.
    public static let components = SizeField<Int>(
        "components", standard: 8, .range(UnivariateTransform.componentCounts), valueName: "k",
        help: "Logistic components of each mixture."
    ) { "mixtures of \($0) components" }
    /// Bound `c` of the log-scales, those of the components and of the affine map behind them, nats.
    public static let scaleBound = SizeField<Float>(
        "mixture_scale_bound", standard: 7, .range(UnivariateTransform.mixtureScaleBounds), valueName: "c",
        help: "Bound of the log-scales of mixtures, of their components and of the affine map behind them, nats."
    ) { "log-scales within ±\($0)" }

    public static let fields: [any SizeDescription] = [components, scaleBound]

    public static func transform(_ sizes: Sizes) -> UnivariateTransform {
        .mixture(components: sizes[components], scaleBound: sizes[scaleBound])
    }
}
