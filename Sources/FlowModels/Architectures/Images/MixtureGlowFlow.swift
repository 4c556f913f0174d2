public import FlowCore
public import FlowLayers

/// Flow++ on images, as far as its couplings go: the steps of Glow with mixtures of logistics; both directions parallel.
///
/// Source: Ho et al., *Flow++* (2019), §3.2, arXiv:1902.00275, with residual convolutional networks without self-attention; its
/// learned dequantization is that of any flow here.
public struct MixtureGlowFlow: ImageFlow {
    public static let architectureName = "mixture-glow"
    public typealias Transform = MixtureTransform
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
