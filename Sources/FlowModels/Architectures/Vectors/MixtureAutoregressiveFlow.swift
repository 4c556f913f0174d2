import FlowCore
public import FlowLayers

/// Masked autoregressive maps of alternating order that send each dimension through a mixture of logistics.
///
/// Densities take one parallel pass; samples one sequential pass, with Newton's steps in each dimension.
/// Source: Ho et al., *Flow++* (2019), §3.2, arXiv:1902.00275, whose couplings these maps replace.
public struct MixtureAutoregressiveFlow: VectorFlow {
    public static let architectureName = "mixture-autoregressive"
    public typealias Transform = MixtureTransform

    public var standardize: ActNorm
    public var layers: [MaskedAutoregressive]

    public init(standardize: ActNorm, layers: [MaskedAutoregressive]) {
        self.standardize = standardize
        self.layers = layers
    }
}
