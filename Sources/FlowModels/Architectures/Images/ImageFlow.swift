public import FlowCore
public import FlowLayers

/// A chain of maps of images.
public protocol ImageFlow: ChainFlow where Layer == ImageLayer {
    /// Returns the steps of the plan that the layers after standardisation are made from.
    /// - Precondition: sizes are positive.
    static func steps(_ sizes: Sizes) -> [ImagePlan.Step]
    /// Family of the univariate transform that each transformed dimension goes through.
    associatedtype Transform: TransformFamily
    /// Sizes beside the transform's and the number of classes; by default ``imageFields``.
    static var bodyFields: [any SizeDescription] { get }
    /// Assembles the flow from its maps.
    init(standardize: ActNorm, layers: [ImageLayer])
}

/// Sizes of flows of images beside those of every chain.
public enum ImageFields {
    /// Side of the convolutions of a conditioner, pixels.
    public static let kernel = SizeField<Int>(
        "kernel", standard: 3, .oneOf([1, 3, 5, 7, 9]), isRequired: false, help: "Side of the convolutions."
    ) { "convolutions of \($0)×\($0)" }
    /// Whether residual blocks are gated, `h + v · sigmoid(g)`.
    public static let gated = SizeField<Bool>(
        "gated", standard: false, isRequired: false, help: "Gated residual blocks."
    ) { $0 ? "gated" : nil }
}

/// Sizes of flows that go pixel after pixel.
public enum CausalFields {
    /// Side of the square, pixels, from which the first map predicts a pixel linearly; 0 for no prediction.
    public static let predictor = SizeField<Int>(
        "predictor", standard: 0, .oneOf([0, 3, 5, 7, 9]), isRequired: false,
        help:
            "Side of the square whose pixels before one predict it, linearly, and its own channels one another; 0: none."
    ) { $0 > 0 ? "predicted from \($0)×\($0)" : nil }
    /// Channels of each residual block of the network that tells the class of an image by the pixels before each one; none for a
    /// mixture of all classes.
    public static let belief = SizeField<[Int]>(
        "belief", standard: [], .lists(of: 0...64, in: 1...1 << 20), isRequired: false, valueName: "n,n",
        help: "With classes: channels of each residual block of the network that tells the class by the pixels before."
    ) { $0.isEmpty ? nil : "classes told by \($0)" }
    static let all: [any SizeDescription] = [predictor, belief]
}

/// Size of flows of several scales, in which half of the dimensions are done after each scale but the last.
public enum MultiScale {
    /// Number of scales.
    public static let scales = SizeField<Int>(
        "scales", standard: 2, .range(1...8), isRequired: false, help: "Scales, each half as high and wide."
    ) { "\($0) scales" }
}

extension ImageFlow {
    /// Sizes that every flow of images has, beside its transform's and the number of classes.
    public static var imageFields: [any SizeDescription] {
        [FlowFields.layers, FlowFields.hidden, FlowFields.activation, ImageFields.kernel, ImageFields.gated]
    }

    public static var bodyFields: [any SizeDescription] { imageFields }
    public static var fields: [any SizeDescription] { bodyFields + Transform.fields + [FlowFields.classes] }
    public static var ownDefaults: Sizes { ["layers": 4, "hidden": [64, 64]] }

    private static func plan(_ shape: EventShape, _ sizes: Sizes) -> ImagePlan {
        ImagePlan(
            layout: ImageLayout(height: shape.height, width: shape.width, channels: shape.channels),
            steps: steps(sizes),
            conditioner: ConditionerShape(
                hidden: sizes[FlowFields.hidden], activation: sizes[FlowFields.activation], contextDims: sizes.classes),
            kernel: sizes[ImageFields.kernel], isGated: sizes[ImageFields.gated],
            predictor: has(CausalFields.predictor) ? sizes[CausalFields.predictor] : 0,
            belief: has(CausalFields.belief) ? sizes[CausalFields.belief] : [],
            transform: Transform.transform(sizes))
    }

    private static func has(_ field: some SizeDescription) -> Bool { fields.contains { $0.name == field.name } }

    public init(shape: EventShape, sizes: Sizes, seed: UInt64?) throws {
        try checkLayerCount(sizes[FlowFields.layers])
        self.init(
            standardize: ActNorm(dims: shape.dims), layers: try Self.plan(shape, sizes).layers(seed: seed))
    }

    public static func parameterCount(shape: EventShape, sizes: Sizes) -> Int? {
        plan(shape, sizes).parameterCount.flatMap { count in
            let (sum, overflow) = count.addingReportingOverflow(2 * shape.dims)
            return overflow ? nil : sum
        }
    }

    public mutating func appendBlocks(_ count: Int, seed: UInt64) throws {
        for i in layers.indices {
            guard case .map(var map) = layers[i] else { continue }
            var random: RandomStream? = RandomStream(seed: seed, stream: appendedBlocks | UInt64(i))
            try map.appendBlocks(count, random: &random)
            layers[i] = .map(map)
        }
    }

    public mutating func setDropout(_ fraction: Float) {
        for i in layers.indices {
            guard case .map(var map) = layers[i] else { continue }
            map.setDropout(fraction)
            layers[i] = .map(map)
        }
    }

    public var contextDims: Int { layers.reduce(0) { max($0, $1.contextDims) } }

    /// Standardises, fits the predictions of maps that have one, and has every invertible 1×1 convolution give mean 0 and standard
    /// deviation 1. The maps between them start at the identity. Where pixels are predicted they are standardised alike, each
    /// channel by all pixels: neighbours have one scale then.
    public mutating func initialize(from x: Matrix) throws {
        if case .map(let map)? = layers.first, let channels = map.predictedChannels {
            try standardize.initialize(from: x, channels: channels)
        } else {
            try standardize.initialize(from: x)
        }
        var x = try standardize.forward(x).z
        for i in layers.indices {
            switch layers[i] {
            case .map(var map):
                try map.initialize(from: x)
                layers[i] = .map(map)
            case .permutation(let map): x = try map.forward(x).z
            case .invertibleConvolution(var map):
                try map.initialize(from: x)
                layers[i] = .invertibleConvolution(map)
                x = try map.forward(x).z
            }
        }
    }
}

/// First random stream of the weights of appended blocks: those of the first blocks are below.
private let appendedBlocks: UInt64 = 1 << 48

/// Plans RealNVP's scales: maps of the checkerboard, then of the channels of the squeezed image, of which half leave.
///
/// The checkerboard is squeezed too, as channels: its networks see all of the key and nothing else, at half the side, where in the
/// paper they see the whole image with every other pixel at zero and give as many parameters that nothing uses: four times the
/// multiply-adds.
func realNVPSteps(_ sizes: Sizes) -> [ImagePlan.Step] {
    let scales = sizes[MultiScale.scales]
    let halves: [ImagePlan.Step] = (0..<sizes[FlowFields.layers]).map { .map(.channels(keyIsFirst: $0 % 2 == 0)) }
    var steps: [ImagePlan.Step] = []
    for scale in 1...scales {
        steps += [.squeeze, .checkerboard] + halves
        if scale < scales { steps += [.checkerboard] + halves + [.factorOut] }
    }
    return steps
}

/// Plans Glow's scales: a squeeze, then steps of an invertible 1×1 convolution and a coupling; half of the channels leave before the next.
func glowSteps(_ sizes: Sizes) -> [ImagePlan.Step] {
    let (layers, scales) = (sizes[FlowFields.layers], sizes[MultiScale.scales])
    var steps: [ImagePlan.Step] = []
    for scale in 1...scales {
        steps.append(.squeeze)
        for _ in 0..<layers { steps += [.invertibleConvolution, .map(.channels(keyIsFirst: true))] }
        if scale < scales { steps.append(.factorOut) }
    }
    return steps
}
