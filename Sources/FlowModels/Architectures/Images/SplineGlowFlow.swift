public import FlowCore
public import FlowLayers

/// RQ-NSF (C) on images: the steps of Glow with rational-quadratic splines; both directions parallel.
///
/// Source: Durkan et al., *Neural Spline Flows* (2019), §5.3, arXiv:1906.04032.
public struct SplineGlowFlow: ImageFlow {
    public static let architectureName = "nsf-glow"
    public typealias Transform = SplineTransform
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
