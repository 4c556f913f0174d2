public import FlowCore
public import FlowKernels
public import FlowLayers

/// A chain of maps of images.
public protocol ImageFlow: ChainFlow where Layer == ImageLayer {
    /// The layers after standardisation. Sizes are positive.
    static func steps(_ hyperParameters: HyperParameters) -> [ImagePlan.Step]
    /// What each transformed dimension goes through.
    static func transform(_ hyperParameters: HyperParameters) -> UnivariateTransform
    init(standardize: ActNorm, layers: [ImageLayer])
}

extension ImageFlow {
    public static var defaultSizes: HyperParameters {
        HyperParameters(layers: 4, hidden: [64, 64], logScaleBound: 5)
    }

    private static func plan(_ shape: EventShape, _ hyperParameters: HyperParameters) -> ImagePlan {
        ImagePlan(
            layout: ImageLayout(height: shape.height, width: shape.width, channels: shape.channels),
            steps: steps(hyperParameters), conditioner: hyperParameters.conditioner, kernel: hyperParameters.kernel,
            isGated: hyperParameters.isGated, transform: transform(hyperParameters))
    }

    public init(shape: EventShape, hyperParameters: HyperParameters, seed: UInt64?) throws {
        try checkLayerCount(hyperParameters.layers)
        self.init(
            standardize: ActNorm(dims: shape.dims), layers: try Self.plan(shape, hyperParameters).layers(seed: seed))
    }

    public static func parameterCount(shape: EventShape, hyperParameters: HyperParameters) -> Int? {
        plan(shape, hyperParameters).parameterCount.flatMap { count in
            let (sum, overflow) = count.addingReportingOverflow(2 * shape.dims)
            return overflow ? nil : sum
        }
    }

    public var contextDims: Int { layers.reduce(0) { max($0, $1.contextDims) } }

    /// Standardises, and has every mixing of channels give mean 0 and standard deviation 1. The maps between them start at the
    /// identity.
    public mutating func initialize(from x: Matrix) throws {
        try standardize.initialize(from: x)
        var x = try standardize.forward(x).z
        for i in layers.indices {
            switch layers[i] {
            case .map: continue
            case .rearrangement(let map): x = try map.forward(x).z
            case .mixing(var map):
                try map.initialize(from: x)
                layers[i] = .mixing(map)
                x = try map.forward(x).z
            }
        }
    }
}

/// RealNVP's scales: maps of the checkerboard, then of the channels of a squeezed image, of which half leave.
func realNVPSteps(_ hyperParameters: HyperParameters) -> [ImagePlan.Step] {
    var steps: [ImagePlan.Step] = []
    for scale in 1...hyperParameters.scales {
        steps += (0..<hyperParameters.layers).map { .map(.checkerboard(keyParity: $0 % 2)) }
        guard scale < hyperParameters.scales else { break }
        steps.append(.squeeze)
        steps += (0..<hyperParameters.layers).map { .map(.channels(keyIsFirst: $0 % 2 == 0)) }
        steps.append(.factorOut)
    }
    return steps
}

/// Glow's scales: a squeeze, then steps of mixing and coupling; half of the channels leave before the next.
func glowSteps(_ hyperParameters: HyperParameters) -> [ImagePlan.Step] {
    var steps: [ImagePlan.Step] = []
    for scale in 1...hyperParameters.scales {
        steps.append(.squeeze)
        for _ in 0..<hyperParameters.layers { steps += [.mixing, .map(.channels(keyIsFirst: true))] }
        if scale < hyperParameters.scales { steps.append(.factorOut) }
    }
    return steps
}
