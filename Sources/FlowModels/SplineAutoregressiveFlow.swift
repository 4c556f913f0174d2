import FlowCore
public import FlowLayers

/// RQ-NSF (AR): masked autoregressive maps of alternating order that send each dimension through a rational-quadratic spline.
///
/// Densities take one parallel pass; samples one sequential pass.
/// Source: Durkan et al., *Neural Spline Flows* (2019), §3, arXiv:1906.04032, with reversals for its linear layers.
public struct SplineAutoregressiveFlow: ChainFlow {
    public static let architectureName = "nsf-autoregressive"
    public static let sizes: FlowSizes = [.spline]

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
                transform: hyperParameters.spline, random: &random)
        }
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        let dims = shape.dims
        return chainParameterCount(dims: dims, layers: hyperParameters.layers) { _ in
            MaskedAutoregressive.parameterCount(
                dims: dims, shape: hyperParameters.conditioner, transform: hyperParameters.spline)
        }
    }

    public static func elementCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        let dims = shape.dims
        return chainParameterCount(dims: dims, layers: hyperParameters.layers) { _ in
            MaskedAutoregressive.elementCount(
                dims: dims, shape: hyperParameters.conditioner, transform: hyperParameters.spline)
        }
    }
}
