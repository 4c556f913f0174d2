public import FlowCore
public import FlowLayers

/// Autoregressive mixtures of logistics whose parameters a masked convolutional network makes of the pixels before, row by row, in
/// every other map from the end: the likelihood of PixelCNN++ (Salimans et al. 2017, arXiv:1701.05517) as a flow.
///
/// Densities take one parallel pass, samples one sequential pass, with Newton's steps in each dimension.
/// Source: Ho et al., *Flow++* (2019), §3.2, arXiv:1902.00275, whose couplings these maps replace.
public struct MixtureConvolutionalFlow: ImageFlow {
    public static let architectureName = "mixture-convolutional"
    public typealias Transform = MixtureTransform

    public static var ownDefaults: Sizes { ["layers": 1, "hidden": [32, 32, 32, 32, 32, 32, 32, 32], "kernel": 5] }

    public static var bodyFields: [any SizeDescription] { imageFields + CausalFields.all }

    public var standardize: ActNorm
    public var layers: [ImageLayer]

    public init(standardize: ActNorm, layers: [ImageLayer]) {
        self.standardize = standardize
        self.layers = layers
    }

    public static func steps(_ sizes: Sizes) -> [ImagePlan.Step] {
        (0..<sizes[FlowFields.layers]).map { .map(.causal(reversed: $0 % 2 == 1)) }
    }
}
