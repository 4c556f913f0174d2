import FlowCore
public import FlowLayers

/// IAF: inverse autoregressive maps of alternating order.
///
/// Samples take one parallel pass; densities one sequential pass.
/// Source: Kingma et al., *Improving Variational Inference with Inverse Autoregressive Flow* (2016), arXiv:1606.04934.
public struct InverseAutoregressiveFlow: ChainFlow {
    public static let architectureName = "iaf"
    public static let sizes: FlowSizes = [.affine]

    public var standardize: ActNorm
    public var layers: [InverseAutoregressive]

    public init(shape: EventShape, hyperParameters: HyperParameters, seed: UInt64?) throws {
        let dims = shape.dims
        try checkLayerCount(hyperParameters.layers)
        standardize = ActNorm(dims: dims)
        layers = try (0..<hyperParameters.layers).map { i in
            var random = seed.map { RandomStream(seed: $0, stream: UInt64(i)) }
            return try InverseAutoregressive(
                dims: dims, shape: hyperParameters.conditioner, reversed: i % 2 == 1,
                transform: hyperParameters.affine, random: &random)
        }
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        MaskedAutoregressiveFlow.parameterCount(shape: shape, hyperParameters: hyperParameters)
    }

    public static func elementCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        MaskedAutoregressiveFlow.elementCount(shape: shape, hyperParameters: hyperParameters)
    }
}
