public import FlowCore
public import FlowKernels

/// Affine maps, `z = x · exp(s) + t`, with log-scales `s` in `(−c, c)`.
public enum AffineTransform: TransformFamily {
    /// Bound `c` of the log-scales, nats.
    public static let logScaleBound = SizeField<Float>(
        "log_scale_bound", standard: 5, .range(1e-3...1e3), valueName: "c",
        help: "Bound of the log-scales of affine maps, nats."
    ) { "log-scales within ±\($0)" }

    public static let fields: [any SizeDescription] = [logScaleBound]

    public static func transform(_ sizes: Sizes) -> UnivariateTransform {
        .affine(logScaleBound: sizes[logScaleBound])
    }
}
