public import FlowCore
public import FlowKernels

/// A kind of univariate transform with the sizes that it has. Couplings, masked autoregressive maps and maps of images take any of
/// them: an architecture names one and has its sizes.
public protocol TransformFamily {
    /// Sizes of the family's transforms, in the order in which they are listed.
    static var fields: [any SizeDescription] { get }
    /// Makes the transform of these sizes, which the fields allow.
    static func transform(_ sizes: Sizes) -> UnivariateTransform
}
