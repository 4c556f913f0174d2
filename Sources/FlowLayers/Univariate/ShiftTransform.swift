public import FlowCore
public import FlowKernels

/// Shifts, `z = x + t`, which have no size.
public enum ShiftTransform: TransformFamily {
    public static let fields: [any SizeDescription] = []
    public static func transform(_ sizes: Sizes) -> UnivariateTransform { .shift }
}
