public import FlowCore
public import FlowLayers

/// Autoregressive rational-quadratic splines whose parameters a masked convolutional network makes of the pixels before, row by
/// row, in every other map from the end: a PixelCNN (van den Oord et al. 2016, arXiv:1606.05328) of continuous densities.
///
/// Densities take one parallel pass, samples one sequential pass.
/// Source: Durkan et al., *Neural Spline Flows* (2019), §3.2, arXiv:1906.04032, with another network.
public struct SplineConvolutionalFlow: ImageFlow {
    public static let architectureName = "nsf-convolutional"
    public typealias Transform = SplineTransform

    /// Default sizes: those of the model inside the program.
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
