import FlowCore
public import FlowLayers

/// Affine couplings on vectors, of alternating parity: both directions parallel.
///
/// Source: Dinh et al., *Density estimation using Real NVP* (2017), arXiv:1605.08803, without its convolutions, scales
/// and batch normalisation.
public struct AffineCouplingFlow: VectorFlow {
    public static let architectureName = "coupling"
    public typealias Transform = AffineTransform

    public var standardize: ActNorm
    public var layers: [Coupling]

    public init(standardize: ActNorm, layers: [Coupling]) {
        self.standardize = standardize
        self.layers = layers
    }
}
