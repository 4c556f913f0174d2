import FlowCore
public import FlowLayers

/// MAF: masked autoregressive maps of alternating order.
///
/// Densities take one parallel pass; samples one sequential pass.
/// Source: Papamakarios et al., *Masked Autoregressive Flow for Density Estimation* (2017), arXiv:1705.07057; ReLU, no
/// batch normalisation.
public struct MaskedAutoregressiveFlow: ChainFlow {
    public static let architectureName = "maf"
    public static let sizes: FlowSizes = [.affine]

    public var standardize: ActNorm
    public var layers: [MaskedAutoregressive]

    public init(shape: EventShape, hyperParameters: HyperParameters, seed: UInt64?) throws {
        let dims = shape.dims
        try checkLayerCount(hyperParameters.layers)
        standardize = ActNorm(dims: dims)
        layers = try (0..<hyperParameters.layers).map { i in
            var random = seed.map { RandomStream(seed: $0, stream: UInt64(i)) }
            return try MaskedAutoregressive(
                dims: dims, shape: hyperParameters.conditioner, reversed: i % 2 == 1,
                transform: hyperParameters.affine, random: &random)
        }
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        let dims = shape.dims
        return chainParameterCount(dims: dims, layers: hyperParameters.layers) { _ in
            MaskedAutoregressive.parameterCount(
                dims: dims, shape: hyperParameters.conditioner, transform: hyperParameters.affine)
        }
    }

    public static func elementCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        let dims = shape.dims
        return chainParameterCount(dims: dims, layers: hyperParameters.layers) { _ in
            MaskedAutoregressive.elementCount(
                dims: dims, shape: hyperParameters.conditioner, transform: hyperParameters.affine)
        }
    }
}
