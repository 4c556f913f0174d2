public import FlowCore
public import FlowLayers

/// Glow: activation normalisation and invertible 1×1 convolutions between affine couplings of channels, over several scales;
/// both directions parallel.
///
/// Source: Kingma & Dhariwal, *Glow* (2018), §3, arXiv:1807.03039; what leaves at a scale is conditioned on what goes on by the
/// last coupling before, in place of the paper's learned prior.
public struct GlowFlow: ImageFlow {
    public static let architectureName = "glow"
    public typealias Transform = AffineTransform
    public static let bodyFields = imageFields + [MultiScale.scales]

    public var standardize: ActNorm
    public var layers: [ImageLayer]

    public init(standardize: ActNorm, layers: [ImageLayer]) {
        self.standardize = standardize
        self.layers = layers
    }

    public static func steps(_ sizes: Sizes) -> [ImagePlan.Step] {
        glowSteps(sizes)
    }
}
