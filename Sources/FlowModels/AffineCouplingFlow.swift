import FlowCore
public import FlowLayers

/// Affine couplings on vectors, of alternating parity: both directions parallel.
///
/// Source: Dinh et al., *Density estimation using Real NVP* (2017), arXiv:1605.08803, without its convolutions, scales
/// and batch normalisation.
public struct AffineCouplingFlow: ChainFlow {
    public static let architectureName = "coupling"
    public static let sizes: FlowSizes = [.affine]

    public var standardize: ActNorm
    public var layers: [Coupling]

    public init(shape: EventShape, hyperParameters: HyperParameters, seed: UInt64?) throws {
        let dims = shape.dims
        try checkLayerCount(hyperParameters.layers)
        standardize = ActNorm(dims: dims)
        layers = try (0..<hyperParameters.layers).map { i in
            var random = seed.map { RandomStream(seed: $0, stream: UInt64(i)) }
            return try Coupling(
                dims: dims, shape: hyperParameters.conditioner, parity: i % 2,
                transform: hyperParameters.affine, random: &random)
        }
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        let dims = shape.dims
        return chainParameterCount(dims: dims, layers: hyperParameters.layers) { i in
            Coupling.parameterCount(
                dims: dims, shape: hyperParameters.conditioner, parity: i % 2, transform: hyperParameters.affine)
        }
    }
}
