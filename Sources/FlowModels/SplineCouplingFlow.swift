import FlowCore
public import FlowLayers

/// RQ-NSF (C): couplings on vectors of alternating parity that send each dimension through a rational-quadratic spline; both
/// directions parallel.
///
/// Source: Durkan et al., *Neural Spline Flows* (2019), §3, arXiv:1906.04032, without its linear layers between couplings.
public struct SplineCouplingFlow: ChainFlow {
    public static let architectureName = "nsf-coupling"
    public static let sizes: FlowSizes = [.spline]

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
                transform: hyperParameters.spline, random: &random)
        }
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        let dims = shape.dims
        return chainParameterCount(dims: dims, layers: hyperParameters.layers) { i in
            Coupling.parameterCount(
                dims: dims, shape: hyperParameters.conditioner, parity: i % 2, transform: hyperParameters.spline)
        }
    }
}
