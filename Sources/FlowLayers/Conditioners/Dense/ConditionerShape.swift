import FlowCore
public import FlowKernels

/// Sizes of a conditioner, beside the widths of its key and of what it transforms.
public struct ConditionerShape: Sendable, Equatable {
    /// Units of each hidden layer; in a network of images, channels of each residual block.
    public var hidden: [Int]
    /// Activation between the linear maps.
    public var activation: Activation
    /// Whether residual blocks of two maps each follow the first map: `h + W₂·act(W₁·act(h))`, all layers of one width, nothing
    /// between the last block and the output map. He et al., *Identity Mappings* (2016), arXiv:1603.05027, as in nflows' MADE.
    public var isResidual: Bool
    /// Width of the context, such as a class as one-hot; 0 for none.
    public var contextDims: Int

    /// Sizes of a plain network of rectifiers without a context, where nothing else is said. They are checked when a map is made.
    public init(hidden: [Int], activation: Activation = .relu, isResidual: Bool = false, contextDims: Int = 0) {
        self.hidden = hidden
        self.activation = activation
        self.isResidual = isResidual
        self.contextDims = contextDims
    }

    /// Refuses sizes of which no dense network is made.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
    func check() throws {
        guard !hidden.isEmpty, hidden.allSatisfy({ $0 > 0 }) else {
            throw FlowError.outOfRange(argument: "hidden", value: "\(hidden)", allowed: "one or more positive sizes")
        }
        guard contextDims >= 0 else {
            throw FlowError.outOfRange(argument: "context_dims", value: "\(contextDims)", allowed: "0 or more")
        }
        if isResidual, hidden.count % 2 == 0 || hidden.contains(where: { $0 != hidden[0] }) {
            throw FlowError.outOfRange(
                argument: "hidden", value: "\(hidden)",
                allowed: "an odd number of equal sizes with residual blocks: the first map and two a block")
        }
    }
}
