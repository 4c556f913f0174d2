import FlowCore
public import FlowLayers

/// RQ-NSF (AR): masked autoregressive maps of alternating order that send each dimension through a rational-quadratic spline.
///
/// Densities take one parallel pass; samples one sequential pass.
/// Source: Durkan et al., *Neural Spline Flows* (2019), §3, arXiv:1906.04032, with reversals for its linear layers.
public struct SplineAutoregressiveFlow: VectorFlow {
    public static let architectureName = "nsf-autoregressive"
    public typealias Transform = SplineTransform

    public var standardize: ActNorm
    public var layers: [MaskedAutoregressive]

    public init(standardize: ActNorm, layers: [MaskedAutoregressive]) {
        self.standardize = standardize
        self.layers = layers
    }
}
