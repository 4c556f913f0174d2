public import FlowKernels
public import FlowLayers

/// Sizes of an architecture.
public struct HyperParameters: Sendable, Equatable {
    /// Number of masked networks or couplings.
    public var layers: Int
    /// Hidden units of each conditioner, layer by layer; of a convolutional one, channels of each residual block.
    public var hidden: [Int]
    /// `c`: log-scales lie in `(−c, c)`, nats.
    public var logScaleBound: Float
    /// Between the linear maps of a conditioner.
    public var activation: Activation
    /// Whether conditioners have residual blocks; see ``ConditionerShape/isResidual``.
    public var isResidual: Bool
    /// Classes that the density is conditioned on, as one-hot context of every conditioner; 0 for none.
    public var classes: Int
    /// Bins of each spline; spline flows alone have any.
    public var bins: Int
    /// `B`: splines bend `[−B, B]`, and leave alone what is outside; the flow's input has standard deviation 1.
    public var tailBound: Float

    /// Side of the convolutions of a convolutional conditioner, odd; flows of vectors look at no image and ignore it.
    public var kernel: Int
    /// Whether the residual blocks of a convolutional conditioner are gated, `h + v · sigmoid(g)`.
    public var isGated: Bool
    /// Scales of a multi-scale flow: after each but the last, half of the dimensions are done.
    public var scales: Int

    public static let defaultBins = 8
    public static let defaultTailBound: Float = 5
    public static let defaultKernel = 3
    public static let defaultScales = 2
    public static let kernels = [1, 3, 5, 7, 9]
    public static let scaleCounts = 1...8

    public init(
        layers: Int, hidden: [Int], logScaleBound: Float, activation: Activation = .relu, isResidual: Bool = false,
        classes: Int = 0, bins: Int = defaultBins, tailBound: Float = defaultTailBound, kernel: Int = defaultKernel,
        isGated: Bool = false, scales: Int = defaultScales
    ) {
        self.layers = layers
        self.hidden = hidden
        self.logScaleBound = logScaleBound
        self.activation = activation
        self.isResidual = isResidual
        self.classes = classes
        self.bins = bins
        self.tailBound = tailBound
        self.kernel = kernel
        self.isGated = isGated
        self.scales = scales
    }

    /// With more residual blocks of the last size.
    public func addingBlocks(_ count: Int) -> HyperParameters {
        var sizes = self
        sizes.hidden += Array(repeating: hidden.last ?? 0, count: count)
        return sizes
    }

    /// What an affine flow does to each dimension, and a spline flow.
    var affine: UnivariateTransform { .affine(logScaleBound: logScaleBound) }
    var spline: UnivariateTransform { .spline(bins: bins, tailBound: tailBound) }

    /// What each conditioner is made of.
    public var conditioner: ConditionerShape {
        ConditionerShape(hidden: hidden, activation: activation, isResidual: isResidual, contextDims: classes)
    }
}

extension HyperParameters: Codable {
    enum CodingKeys: String, CodingKey {
        case layers
        case hidden
        case logScaleBound = "log_scale_bound"
        case activation
        case isResidual = "residual"
        case classes
        case bins
        case tailBound = "tail_bound"
        case kernel
        case isGated = "gated"
        case scales
    }

    /// Files from before the later fields existed have plain ReLU networks without a context, and neither splines nor
    /// convolutions.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        layers = try container.decode(Int.self, forKey: .layers)
        hidden = try container.decode([Int].self, forKey: .hidden)
        logScaleBound = try container.decode(Float.self, forKey: .logScaleBound)
        activation = try container.decodeIfPresent(Activation.self, forKey: .activation) ?? .relu
        isResidual = try container.decodeIfPresent(Bool.self, forKey: .isResidual) ?? false
        classes = try container.decodeIfPresent(Int.self, forKey: .classes) ?? 0
        bins = try container.decodeIfPresent(Int.self, forKey: .bins) ?? Self.defaultBins
        tailBound = try container.decodeIfPresent(Float.self, forKey: .tailBound) ?? Self.defaultTailBound
        kernel = try container.decodeIfPresent(Int.self, forKey: .kernel) ?? Self.defaultKernel
        isGated = try container.decodeIfPresent(Bool.self, forKey: .isGated) ?? false
        scales = try container.decodeIfPresent(Int.self, forKey: .scales) ?? Self.defaultScales
    }
}
