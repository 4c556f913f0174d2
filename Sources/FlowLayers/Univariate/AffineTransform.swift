public import FlowCore
public import FlowKernels

extension ScaleFunction: SizeRepresentable {}

/// Affine maps, `z = x · f(a) + t`: by default `f` is `exp` of a log-scale in `(−c, c)`.
public enum AffineTransform: TransformFamily {
    /// Function that makes the scale; `exp` is the only one that trains well from the start, the others are those of other libraries.
    public static let scaleFunction = SizeField<ScaleFunction>(
        "scale_function", standard: .exp, isRequired: false, isOption: false,
        help: "Function that makes the scales of affine maps."
    ) { $0 == .exp ? nil : "scales by \($0.rawValue)" }
    /// Bound `c` of the log-scales of `exp`, nats.
    public static let logScaleBound = SizeField<Float>(
        "log_scale_bound", standard: 5, .range(1e-3...1e3), valueName: "c",
        help: "Bound of the log-scales of affine maps, nats."
    ) { "log-scales within ±\($0)" }

    public static let fields: [any SizeDescription] = [logScaleBound, scaleFunction]

    public static func transform(_ sizes: Sizes) -> UnivariateTransform {
        switch sizes[scaleFunction] {
        case .exp: .affine(logScaleBound: sizes[logScaleBound])
        case .softplus: .softplusAffine
        case .logistic: .logisticAffine
        }
    }
}
