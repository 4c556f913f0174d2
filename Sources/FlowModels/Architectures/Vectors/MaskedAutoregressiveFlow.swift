import FlowCore
public import FlowLayers

/// MAF: masked autoregressive maps of alternating order.
///
/// Densities take one parallel pass; samples one sequential pass.
/// Source: Papamakarios et al., *Masked Autoregressive Flow for Density Estimation* (2017), arXiv:1705.07057; ReLU, no
/// batch normalisation.
public struct MaskedAutoregressiveFlow: VectorFlow {
    public static let architectureName = "maf"
    public typealias Transform = AffineTransform

    public var standardize: ActNorm
    public var layers: [MaskedAutoregressive]

    public init(standardize: ActNorm, layers: [MaskedAutoregressive]) {
        self.standardize = standardize
        self.layers = layers
    }
}
