import FlowCore
import FlowKernels
public import FlowLayers

/// NICE: additive couplings on vectors, of alternating parity, and a diagonal scaling of the latents; both directions parallel.
///
///     logDet[r] = Σⱼ logScale[j]            of standardisation and scaling, the same for every row
///
/// Couplings keep volume, so the scaling alone says how much each latent dimension varies.
/// Source: Dinh, Krueger & Bengio, *NICE* (2014), §3.2 and §3.3, arXiv:1410.8516, with a normal prior. Beyond the paper the
/// input is standardised, and the scaling, an ``ActNorm``, moves as well, which one more additive coupling could.
public struct NICEFlow: ChainFlow {
    public static let architectureName = "nice"
    public static let sizes: FlowSizes = []

    public var standardize: ActNorm
    public var layers: [Coupling]
    public var scaling: ActNorm?

    public init(shape: EventShape, hyperParameters: HyperParameters, seed: UInt64?) throws {
        let dims = shape.dims
        try checkLayerCount(hyperParameters.layers)
        standardize = ActNorm(dims: dims)
        layers = try (0..<hyperParameters.layers).map { i in
            var random = seed.map { RandomStream(seed: $0, stream: UInt64(i)) }
            return try Coupling(
                dims: dims, shape: hyperParameters.conditioner, parity: i % 2, transform: .shift, random: &random)
        }
        scaling = ActNorm(dims: dims)
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        let dims = shape.dims
        return chainParameterCount(dims: dims, layers: hyperParameters.layers, isScaled: true) { i in
            Coupling.parameterCount(dims: dims, shape: hyperParameters.conditioner, parity: i % 2, transform: .shift)
        }
    }
}
