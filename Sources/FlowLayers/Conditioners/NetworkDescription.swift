package import FlowKernels

/// Wiring of a conditioner's layers. It is written down in this one place, for every pass that computes it, in training and out of
/// it, whole or one dimension after another.
///
/// A network is a chain. Layer `k` reads value `k`, of which value 0 is what the network is given, and makes value `k + 1`:
///
///     a = value[k], or f(value[k]) where the layer ``Layer/isActivated``; of some of it in training, where it has ``Layer/dropout``
///     y = W a + b, and with ``Layer/addsContext`` or ``Layer/addsPositions`` a bias by the context or the pixel
///     value[k + 1] = y · sigmoid(V a + c) + value[skip], each factor and term where the layer has it
///
/// The last value is the network's output. The weights are the layers' own: a ``TriangularLinear`` or a ``Convolution`` each.
package struct NetworkDescription: Sendable, Equatable {
    /// One link of the chain.
    package struct Layer: Sendable, Equatable {
        /// Part of the names of the layer's parameter arrays.
        package var name: String
        /// Whether the layer reads its input through the activation.
        package var isActivated: Bool
        /// Value that is added to what the layer makes: an earlier one of as many units, the network's input aside.
        package var skip: Int?
        /// Part of the names of the parameter arrays of a second linear map of the layer's input, which gates the first; nil where
        /// there is none. Dense layers have none.
        package var gate: String?
        /// Whether a pixel reads those around it, and not itself alone.
        package var readsNeighbours = false
        /// Whether a linear map of the context is added. A dense network reads its context beside the key, as part of value 0.
        package var addsContext = false
        /// Whether every pixel has a bias of its own, and one for each number of the context.
        package var addsPositions = false
        /// Stream of the random numbers by which a training leaves out a fraction of what the layer reads; nil where nothing is left
        /// out.
        package var dropout: Int?

        /// A layer of one linear map of its own input alone.
        package init(_ name: String, isActivated: Bool, skip: Int? = nil) {
            self.name = name
            self.isActivated = isActivated
            self.skip = skip
        }
    }

    /// Links of the chain, the first one first.
    package var layers: [Layer]
    /// Activation `f` of the layers that have one.
    package var activation: Activation

    /// - Precondition: skips lead from hidden values to hidden values; the first layer is not activated, the last one not gated.
    package init(_ layers: [Layer], activation: Activation) {
        for (k, layer) in layers.enumerated() {
            if let skip = layer.skip { precondition((1...k).contains(skip) && k < layers.count - 1) }
        }
        precondition(!layers.isEmpty && !layers[0].isActivated && layers[layers.count - 1].gate == nil)
        self.layers = layers
        self.activation = activation
    }

    /// A plain dense network, or residual blocks `h + W₂·f(W₁·f(h))` with nothing between the last one and the output.
    init(_ shape: ConditionerShape) {
        let output = shape.hidden.count
        let layers = (0...output).map { k -> Layer in
            let endsBlock = shape.isResidual && k > 0 && k % 2 == 0 && k < output
            return Layer(
                "\(k)", isActivated: k > 0 && !(shape.isResidual && k == output), skip: endsBlock ? k - 1 : nil)
        }
        self.init(layers, activation: shape.activation)
    }

    /// Residual blocks of convolutions, `h + v · sigmoid(g)` with `v` and `g` of `f(conv(f(h)) + context)`, or `h + v`.
    init(_ shape: ConvolutionalShape) {
        var input = Layer("input", isActivated: false)
        input.readsNeighbours = true
        input.addsPositions = true
        var layers = [input]
        for block in 0..<shape.blocks {
            layers += Self.block(block, isGated: shape.isGated, readsContext: shape.contextDims > 0)
        }
        self.init(layers + [Layer("output", isActivated: true)], activation: shape.activation)
    }

    /// Block `block` of a convolutional network: layers `1 + 2·block` and the one behind it.
    private static func block(_ block: Int, isGated: Bool, readsContext: Bool) -> [Layer] {
        var first = Layer("blocks.\(block).first", isActivated: true)
        first.readsNeighbours = true
        first.addsContext = readsContext
        var value = Layer("blocks.\(block).value", isActivated: true, skip: 1 + 2 * block)
        value.gate = isGated ? "blocks.\(block).gate" : nil
        value.dropout = block
        return [first, value]
    }

    /// Returns whether the first linear map of layer `k` makes a term or a factor of the value, and not the whole.
    func isPart(_ k: Int) -> Bool { layers[k].skip != nil || layers[k].gate != nil }

    /// Returns the layers that have `value` as their skip.
    func layers(adding value: Int) -> [Int] { layers.indices.filter { layers[$0].skip == value } }
}
