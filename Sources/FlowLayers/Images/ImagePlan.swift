import FlowCore
public import FlowKernels

/// The layers of a flow of images, one after another: each step knows the image that the steps before it leave.
public struct ImagePlan: Sendable {
    /// One layer, or a change of the image that the layers behind it see.
    public enum Step: Sendable, Equatable {
        /// Squares of 2 × 2 pixels become the channels of one.
        case squeeze
        /// Channels of a squeezed image are exchanged, or exchanged back, so that each half is one colour of a checkerboard.
        case checkerboard
        /// The second half of the channels leaves the flow.
        case factorOut
        /// An invertible 1×1 convolution.
        case invertibleConvolution
        /// A coupling of channels, or a causal map.
        case map(ImageMask)
    }

    private let dims: Int
    private let layout: ImageLayout
    private let steps: [Step]
    private let shape: ConvolutionalShape
    private let belief: [Int]
    private let predictor: Int
    private let transform: UnivariateTransform

    /// A plan for images of `layout`, whose sizes are checked when its layers are made.
    /// - Parameters:
    ///   - conditioner: its hidden sizes are the channels of the residual blocks, which are all equal.
    ///   - kernel: side of the convolutions that read neighbours, pixels.
    ///   - predictor: side of the square, pixels, from which the first map, where it is causal, predicts a pixel linearly; 0 for none.
    ///   - belief: channels of each residual block of the network by which a map without a context believes in one; empty for none.
    public init(
        layout: ImageLayout, steps: [Step], conditioner: ConditionerShape, kernel: Int, isGated: Bool,
        predictor: Int = 0, belief: [Int] = [], transform: UnivariateTransform
    ) {
        self.predictor = predictor
        self.belief = belief
        dims = layout.dims
        self.layout = layout
        self.steps = steps
        self.transform = transform
        let isUniform = conditioner.hidden.allSatisfy { $0 == conditioner.hidden[0] }
        shape = ConvolutionalShape(
            // unequal ones are refused as 0 is
            channels: isUniform ? conditioner.hidden.first ?? 0 : 0, blocks: conditioner.hidden.count,
            kernel: kernel, isGated: isGated, activation: conditioner.activation,
            contextDims: conditioner.contextDims)
    }

    /// Makes the layers, with weights drawn from `seed`, a stream for each; zero without.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for sizes that are not allowed.
    public func layers(seed: UInt64?) throws -> [ImageLayer] {
        var layout = layout
        let maps = steps.count { if case .map = $0 { true } else { false } }
        if maps > 1, !belief.isEmpty {
            // a later map sees no image to tell the context by
            throw FlowError.outOfRange(argument: "belief", value: "\(belief)", allowed: "none with \(maps) maps")
        }
        return try steps.enumerated().map { i, step in
            var random = seed.map { RandomStream(seed: $0, stream: UInt64(i)) }
            switch step {
            case .squeeze:
                let squeezed = try Permutation.squeeze(dims: dims, layout: layout)
                layout = squeezed.layout
                return .permutation(squeezed.map)
            case .checkerboard: return .permutation(Permutation.checkerboard(dims: dims, layout: layout))
            case .factorOut:
                let factored = Permutation.factorOut(dims: dims, layout: layout)
                layout = factored.layout
                return .permutation(factored.map)
            case .invertibleConvolution:
                guard layout.channels <= InvertibleConvolution.mostChannels else {
                    throw FlowError.outOfRange(
                        argument: "channels at a scale", value: "\(layout.channels)",
                        allowed: "at most \(InvertibleConvolution.mostChannels)")
                }
                return .invertibleConvolution(InvertibleConvolution(dims: dims, layout: layout, random: &random))
            case .map(let mask):
                return .map(
                    try ImageMap(
                        dims: dims, layout: layout, mask: mask, shape: shape, predictor: i == 0 ? predictor : 0,
                        belief: belief, transform: transform, random: &random))
            }
        }
    }

    /// Number of parameters of all layers, nil where it overflows, or a size of the transform is not allowed. Sides that are odd
    /// where they should not be are rounded down: ``layers(seed:)`` refuses them.
    public var parameterCount: Int? {
        var layout = layout
        var count = 0
        for (i, step) in steps.enumerated() {
            var own: Int? = 0
            switch step {
            case .squeeze:
                layout = ImageLayout(
                    height: max(1, layout.height / 2), width: max(1, layout.width / 2), channels: 4 * layout.channels)
            case .checkerboard: break
            case .factorOut: layout.channels = (layout.channels + 1) / 2
            case .invertibleConvolution: own = InvertibleConvolution.parameterCount(channels: layout.channels)
            case .map(let mask):
                own = ImageMap.parameterCount(
                    layout: layout, mask: mask, shape: shape, predictor: i == 0 ? predictor : 0, belief: belief,
                    transform: transform)
            }
            guard let own else { return nil }
            let (sum, overflow) = count.addingReportingOverflow(own)
            if overflow { return nil }
            count = sum
        }
        return count
    }
}
