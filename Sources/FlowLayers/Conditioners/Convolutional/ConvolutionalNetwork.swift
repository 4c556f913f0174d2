import FlowCore
import FlowKernels

/// A residual convolutional network, the conditioner of a map of images: it turns the image of a key into the parameters of
/// transforms at every pixel. Its ``description`` says how the layers are wired:
///
///     h = conv(key) + positions[pixel]
///     h = h + v · sigmoid(g)        for every block, with v and g, 1×1 convolutions of act(conv(act(h)) + context);
///                                   without gates h + v
///     parameters = 1×1 convolution of act(h)
///
/// `positions` is a bias of its own for every pixel, and with a context another one for each of its numbers, times that number:
/// so images need not find their edges first, and a class has a shape from the start. There is no batch normalisation.
/// With causal convolutions an output depends on the key's pixels before its own alone, row by row; the stream then holds what
/// is known before its pixel, so that all convolutions but the first may read their own.
///
/// Source: He et al., *Identity Mappings* (2016), arXiv:1603.05027; gates as van den Oord et al., *Conditional Image
/// Generation with PixelCNN Decoders* (2016), §2.1, arXiv:1606.05328, put on the block's result as in Ho et al., *Flow++*
/// (2019), §3.2, arXiv:1902.00275.
package struct ConvolutionalNetwork: Sendable {
    /// The weights of one layer of the description.
    struct Layer: Sendable {
        /// Convolution of what the layer reads.
        var map: Convolution
        /// Second convolution of what the layer reads, which gates the first; nil where there is none.
        var gate: Convolution?
        /// Weights of the context, `[channels, contextDims]`; empty where no context is added.
        var context: [Float]
        /// Biases of the pixels, `[1 + contextDims, height · width, channels]`: for every image, then for each number of the
        /// context; empty where no positions are added.
        var positions: [Float]
    }

    private(set) var shape: ConvolutionalShape
    let height: Int
    let width: Int
    let isCausal: Bool
    /// Wiring of the layers.
    package var description: NetworkDescription
    var layers: [Layer] = []
    /// Fraction of what layers with dropout read that a taped pass leaves out.
    var dropout: Float = 0

    /// A network whose last convolution starts at zero, so that the flow starts at the identity; the others are drawn from `random`,
    /// or zero without it.
    init(
        height: Int, width: Int, inputs: Int, outputs: Int, isCausal: Bool, shape: ConvolutionalShape,
        random stream: inout RandomStream?
    ) {
        self.shape = shape
        self.height = height
        self.width = width
        self.isCausal = isCausal
        description = NetworkDescription(shape)
        var none: RandomStream?
        for k in description.layers.indices.dropLast() {
            layers.append(layer(k, inputs: k == 0 ? inputs : shape.channels, outputs: shape.channels, random: &stream))
        }
        layers.append(layer(layers.count, inputs: shape.channels, outputs: outputs, random: &none))
    }

    /// Makes layer `k` of the description as it is before training.
    private func layer(_ k: Int, inputs: Int, outputs: Int, random stream: inout RandomStream?) -> Layer {
        let layer = description.layers[k]
        let taps = Self.taps(shape, k, layer, isCausal: isCausal)
        let map = Convolution(inputs: inputs, outputs: outputs, taps: taps, random: &stream)
        let gate =
            layer.gate == nil ? nil : Convolution(inputs: inputs, outputs: outputs, taps: taps, random: &stream)
        return Layer(
            map: map, gate: gate,
            context: Array(repeating: 0, count: layer.addsContext ? outputs * shape.contextDims : 0),
            positions: Array(
                repeating: 0, count: layer.addsPositions ? (1 + shape.contextDims) * height * width * outputs : 0))
    }

    /// Adds residual blocks behind the others. They change nothing before they are trained: the weights of what they add start at
    /// zero, and the first step moves them.
    mutating func appendBlocks(_ count: Int, random stream: inout RandomStream?) {
        let end = layers.count - 1
        shape.blocks += count
        description = NetworkDescription(shape)
        for k in end..<description.layers.count - 1 {
            var layer = layer(k, inputs: shape.channels, outputs: shape.channels, random: &stream)
            if description.layers[k].skip != nil {
                var none: RandomStream?
                layer.map = Convolution(
                    inputs: shape.channels, outputs: shape.channels, taps: layer.map.taps, random: &none)
            }
            layers.insert(layer, at: k)
        }
    }

    /// Makes the taps of layer `k`. A causal one reads pixels of the key before its own, and of hidden values its own too.
    private static func taps(
        _ shape: ConvolutionalShape, _ k: Int, _ layer: NetworkDescription.Layer, isCausal: Bool
    ) -> [Convolution.Taps] {
        guard layer.readsNeighbours else { return Convolution.square(1) }
        return isCausal ? Convolution.causal(shape.kernel, withCentre: k > 0) : Convolution.square(shape.kernel)
    }

    /// Layout of an image in the network's buffers.
    var grid: ImageGrid { ImageGrid(height: height, width: width, pad: shape.kernel / 2) }
    /// Number of activations of an image in all hidden layers.
    var activations: Int { (layers.count - 1) * height * width * shape.channels }
    /// Number of channels of the key.
    var inputs: Int { layers[0].map.inputs }
    /// Number of channels of a buffer of outputs: whole vectors.
    var outputStride: Int { layers[layers.count - 1].map.outputStride }

    /// Computes the number of parameters of a network with these sizes, before any is allocated; nil where it overflows.
    static func parameterCount(
        height: Int, width: Int, inputs: Int, outputs: Int, isCausal: Bool, shape: ConvolutionalShape
    ) -> Int? {
        // factors of every product that is summed
        var terms: [[Int]] = []
        let layers = NetworkDescription(shape).layers
        for (k, layer) in layers.enumerated() {
            let places = taps(shape, k, layer, isCausal: isCausal).reduce(0) { $0 + $1.count }
            let reads = k == 0 ? inputs : shape.channels
            let units = k == layers.count - 1 ? outputs : shape.channels
            let maps = layer.gate == nil ? 1 : 2
            terms += [[maps, units, places, reads], [maps, units]]
            if layer.addsContext { terms.append([units, shape.contextDims]) }
            if layer.addsPositions { terms.append([1 + shape.contextDims, height, width, units]) }
        }
        var sum = 0
        for factors in terms {
            var product = 1
            for factor in factors {
                let (next, overflow) = product.multipliedReportingOverflow(by: factor)
                if overflow { return nil }
                product = next
            }
            let (next, overflow) = sum.addingReportingOverflow(product)
            if overflow { return nil }
            sum = next
        }
        return sum
    }

    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        for k in layers.indices {
            let layer = description.layers[k]
            try layers[k].map.visitParameters(layer.name, body)
            if layer.addsPositions { try body(positionInfo, &layers[k].positions) }
            if layer.addsContext { try body(contextInfo(layer.name), &layers[k].context) }
            if let gate = layer.gate { try layers[k].gate?.visitParameters(gate, body) }
        }
    }

    func contextInfo(_ name: String) -> ParameterInfo {
        ParameterInfo(name: "\(name).context", shape: [shape.channels, shape.contextDims])
    }
    var positionInfo: ParameterInfo {
        ParameterInfo(name: "positions", shape: [(1 + shape.contextDims) * height * width, shape.channels])
    }
}
