public import FlowCore
public import FlowLayers

/// RealNVP: affine couplings of the checkerboard and of channels, over several scales; both directions parallel.
///
/// Source: Dinh et al., *Density estimation using Real NVP* (2017), §3.4 to §3.6, arXiv:1605.08803, without batch
/// normalisation; all latents are kept, those that leave at a scale behind those that go on.
public struct RealNVPFlow: ImageFlow {
    public static let architectureName = "realnvp"
    public typealias Transform = AffineTransform
    public static let bodyFields = imageFields + [MultiScale.scales]

    public var standardize: ActNorm
    public var layers: [ImageLayer]

    public init(standardize: ActNorm, layers: [ImageLayer]) {
        self.standardize = standardize
        self.layers = layers
    }

    public static func steps(_ sizes: Sizes) -> [ImagePlan.Step] {
        realNVPSteps(sizes)
    }
}
