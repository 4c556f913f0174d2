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

    public mutating func appendBlocks(_ count: Int, seed: UInt64) throws {
        for i in layers.indices {
            guard case .map(var map) = layers[i] else { continue }
            // not the streams of the blocks that are there
            var random: RandomStream? = RandomStream(seed: seed, stream: appendedBlocks | UInt64(i))
            try map.appendBlocks(count, random: &random)
            layers[i] = .map(map)
        }
    }

    public mutating func setDropout(_ share: Float) {
        for i in layers.indices {
            guard case .map(var map) = layers[i] else { continue }
            map.setDropout(share)
            layers[i] = .map(map)
        }
    }

    public var contextDims: Int { layers.reduce(0) { max($0, $1.contextDims) } }

    /// Standardises, and has every invertible 1×1 convolution give mean 0 and standard deviation 1. The maps between them start
    /// at the identity.
    public mutating func initialize(from x: Matrix) throws {
        try standardize.initialize(from: x)
        var x = try standardize.forward(x).z
        for i in layers.indices {
            switch layers[i] {
            case .map: continue
            case .permutation(let map): x = try map.forward(x).z
            case .invertibleConvolution(var map):
                try map.initialize(from: x)
                layers[i] = .invertibleConvolution(map)
                x = try map.forward(x).z
            }
        }
    }
}

private let appendedBlocks: UInt64 = 1 << 48

/// RealNVP's scales: maps of the checkerboard, then of the channels of the squeezed image, of which half leave.
///
/// The checkerboard is squeezed too, as channels: its networks see all of the key and nothing else, at half the side, where in the
/// paper they see the whole image with every other pixel at zero and give as many parameters that nothing uses: four times the
/// multiply-adds.
func realNVPSteps(_ hyperParameters: HyperParameters) -> [ImagePlan.Step] {
    let halves: [ImagePlan.Step] = (0..<hyperParameters.layers).map { .map(.channels(keyIsFirst: $0 % 2 == 0)) }
    var steps: [ImagePlan.Step] = []
    for scale in 1...hyperParameters.scales {
        steps += [.squeeze, .checkerboard] + halves
        if scale < hyperParameters.scales { steps += [.checkerboard] + halves + [.factorOut] }
    }
    return steps
}

/// Glow's scales: a squeeze, then steps of an invertible 1×1 convolution and a coupling; half of the channels leave before the next.
func glowSteps(_ hyperParameters: HyperParameters) -> [ImagePlan.Step] {
    var steps: [ImagePlan.Step] = []
    for scale in 1...hyperParameters.scales {
        steps.append(.squeeze)
        for _ in 0..<hyperParameters.layers { steps += [.invertibleConvolution, .map(.channels(keyIsFirst: true))] }
        if scale < hyperParameters.scales { steps.append(.factorOut) }
    }
    return steps
}
