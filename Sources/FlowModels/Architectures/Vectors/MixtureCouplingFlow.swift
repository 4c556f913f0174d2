import FlowCore
public import FlowLayers

/// Couplings on vectors of alternating parity that send each dimension through a mixture of logistics, those of Flow++; the density
/// takes one parallel pass, and so does a sample, with Newton's steps in each dimension.
///
/// Source: Ho et al., *Flow++* (2019), §3.2, arXiv:1902.00275, with dense networks.
public struct MixtureCouplingFlow: VectorFlow {
    public static let architectureName = "mixture-coupling"
    public typealias Transform = MixtureTransform

    public var standardize: ActNorm
    public var layers: [Coupling]

    public init(standardize: ActNorm, layers: [Coupling]) {
        self.standardize = standardize
        self.layers = layers
    }
}
