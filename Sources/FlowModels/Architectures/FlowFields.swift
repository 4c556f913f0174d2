public import FlowCore
public import FlowKernels

extension Activation: SizeRepresentable {}

/// Sizes that every chain of maps has.
public enum FlowFields {
    /// Number of maps; of a multi-scale flow, number of steps at each scale.
    public static let layers = SizeField<Int>(
        "layers", standard: 5, .range(1...1024),
        help: "Masked networks or couplings; of multi-scale flows couplings or steps at each scale.")
    /// Hidden units of each conditioner, layer by layer; of a convolutional one, channels of each residual block.
    public static let hidden = SizeField<[Int]>(
        "hidden", standard: [512, 512], .lists(of: 1...64, in: 1...1 << 20), valueName: "n,n",
        help:
            "Hidden units of each, layer by layer; of flows of images channels of each residual block, multiples of 16."
    )
    /// Activation function between the linear maps of a conditioner.
    public static let activation = SizeField<Activation>(
        "activation", standard: .relu, isRequired: false, valueName: "activation",
        help: "Between the linear maps of each."
    ) { $0.rawValue }
    /// Number of classes that the density is conditioned on, as one-hot context of every conditioner; 0 for none.
    public static let classes = SizeField<Int>(
        "classes", standard: 0, .range(0...ModelFile.Limit.classes), isRequired: false, isOption: false,
        help: "Classes that the density is conditioned on."
    ) { $0 > 0 ? "\($0) classes" : nil }
}

extension Sizes {
    /// Number of classes that the density is conditioned on; 0 for none.
    public var classes: Int {
        get { self[FlowFields.classes] }
        set { self[FlowFields.classes] = newValue }
    }

    /// Returns the sizes with `count` more residual blocks, each as large as the last.
    public func addingBlocks(_ count: Int) -> Sizes {
        var sizes = self
        let hidden = self[FlowFields.hidden]
        sizes[FlowFields.hidden] = hidden + Array(repeating: hidden.last ?? 0, count: count)
        return sizes
    }

    /// Describes the values of `fields` in words, such as `5 layers of [512, 512], relu, log-scales within ±3.0`.
    public func description(of fields: [any SizeDescription]) -> String {
        let chain = [FlowFields.layers.name, FlowFields.hidden.name]
        let others = fields.filter { !chain.contains($0.name) }
        let phrases = others.compactMap { $0.phrase(self[$0.name] ?? $0.standardValue) }
        return (["\(self[FlowFields.layers]) layers of \(self[FlowFields.hidden])"] + phrases).joined(separator: ", ")
    }
}
