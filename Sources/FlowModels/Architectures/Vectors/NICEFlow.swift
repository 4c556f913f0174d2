import FlowCore
public import FlowLayers

/// NICE: additive couplings on vectors, of alternating parity, and a diagonal scaling of the latents; both directions parallel.
///
///     logDet[r] = Σⱼ logScale[j]            of standardisation and scaling, the same for every row
///
/// Couplings keep volume, so the scaling alone says how much each latent dimension varies.
/// Source: Dinh, Krueger & Bengio, *NICE* (2014), §3.2 and §3.3, arXiv:1410.8516, with a normal prior. Beyond the paper the
/// input is standardised, and the scaling, an ``ActNorm``, moves as well, which one more additive coupling could.
public struct NICEFlow: VectorFlow {
    public static let architectureName = "nice"
    public typealias Transform = ShiftTransform
    public static let isScaled = true

    public var standardize: ActNorm
    public var layers: [Coupling]
    public var scaling: ActNorm?

    public init(standardize: ActNorm, layers: [Coupling]) {
        self.standardize = standardize
        self.layers = layers
        scaling = ActNorm(dims: standardize.dims)
    }
}
