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

    public init(
        layers: Int, hidden: [Int], logScaleBound: Float, activation: Activation = .relu, isResidual: Bool = false,
        classes: Int = 0
    ) {
        self.layers = layers
        self.hidden = hidden
        self.logScaleBound = logScaleBound
        self.activation = activation
        self.isResidual = isResidual
        self.classes = classes
    }

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
    }

    /// Files from before `activation`, `residual` and `classes` existed have plain ReLU networks without a context.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        layers = try container.decode(Int.self, forKey: .layers)
        hidden = try container.decode([Int].self, forKey: .hidden)
        logScaleBound = try container.decode(Float.self, forKey: .logScaleBound)
        activation = try container.decodeIfPresent(Activation.self, forKey: .activation) ?? .relu
        isResidual = try container.decodeIfPresent(Bool.self, forKey: .isResidual) ?? false
        classes = try container.decodeIfPresent(Int.self, forKey: .classes) ?? 0
    }
}
