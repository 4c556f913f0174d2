public import FlowKernels
public import FlowLayers

/// Sizes of an architecture.
public struct HyperParameters: Sendable, Equatable {
    /// Number of masked networks or couplings.
    public var layers: Int
    /// Hidden units of each conditioner, layer by layer.
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

    public static let defaultBins = 8
    public static let defaultTailBound: Float = 5

    public init(
        layers: Int, hidden: [Int], logScaleBound: Float, activation: Activation = .relu, isResidual: Bool = false,
        classes: Int = 0, bins: Int = defaultBins, tailBound: Float = defaultTailBound
    ) {
        self.layers = layers
        self.hidden = hidden
        self.logScaleBound = logScaleBound
        self.activation = activation
        self.isResidual = isResidual
        self.classes = classes
        self.bins = bins
        self.tailBound = tailBound
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
    }

    /// Files from before `activation`, `residual` and `classes` existed have plain ReLU networks without a context, and no
    /// splines.
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
    }
}
