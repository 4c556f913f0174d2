import FlowCore
public import FlowLayers

/// IAF: inverse autoregressive maps of alternating order.
///
/// Samples take one parallel pass; densities one sequential pass.
/// Source: Kingma et al., *Improving Variational Inference with Inverse Autoregressive Flow* (2016), arXiv:1606.04934.
public struct InverseAutoregressiveFlow: VectorFlow {
    public static let architectureName = "iaf"
    public typealias Transform = AffineTransform

    public var standardize: ActNorm
    public var layers: [InverseAutoregressive]

    public init(standardize: ActNorm, layers: [InverseAutoregressive]) {
        self.standardize = standardize
        self.layers = layers
    }
}
