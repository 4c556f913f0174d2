import FlowCore
import FlowKernels

/// A residual convolutional network: what turns the image of a key into the parameters of transforms at every pixel.
///
///     h = conv(key) + positions[pixel]
///     h = h + v · sigmoid(g)        for every block, with v and g, 1×1 convolutions of act(conv(act(h)) + context);
///                                   without gates h + v
///     parameters = 1×1 convolution of act(h)
///
/// `positions` is a bias of its own for every pixel, and with a context a second one for each of its numbers, as much of it as
/// the number says: so images need not find their edges first, and a class has a shape from the start. No batch normalisation. With causal convolutions an output depends on the key's pixels before its own alone, row by
/// row; the stream then holds what is known before its pixel, so that all convolutions but the first may read their own.
///
/// Source: He et al., *Identity Mappings* (2016), arXiv:1603.05027; gates as van den Oord et al., *Conditional Image
/// Generation with PixelCNN Decoders* (2016), §2.1, arXiv:1606.05328, put on the block's result as in Ho et al., *Flow++*
/// (2019), §3.2, arXiv:1902.00275.
package struct ConvolutionalNetwork: Sendable {
    struct Block: Sendable {
        var first: Convolution
        /// `[channels, contextDims]`.
        var context: [Float]
        var value: Convolution
        var gate: Convolution?

        init(_ shape: ConvolutionalShape, isCausal: Bool, random stream: inout RandomStream?) {
            let channels = shape.channels
            func convolution(_ taps: [Convolution.Taps]) -> Convolution {
                Convolution(inputs: channels, outputs: channels, taps: taps, random: &stream)
            }
            first = convolution(ConvolutionalNetwork.taps(shape, isCausal: isCausal).others)
            context = Array(repeating: 0, count: channels * shape.contextDims)
            value = convolution(Convolution.square(1))
            gate = shape.isGated ? convolution(Convolution.square(1)) : nil
        }
    }

    private(set) var shape: ConvolutionalShape
    let height: Int
    let width: Int
    let isCausal: Bool
    var input: Convolution
    /// `[1 + contextDims, height · width, channels]`: for every image, then for each number of the context.
    var positions: [Float]
    var blocks: [Block]
    var output: Convolution
    /// Share of every block's inner activations that a taped pass leaves out.
    var dropout: Float = 0

    /// The last convolution starts at zero, so that the flow starts at the identity.
    init(
        height: Int, width: Int, inputs: Int, outputs: Int, isCausal: Bool, shape: ConvolutionalShape,
        random stream: inout RandomStream?
    ) {
        self.shape = shape
        self.height = height
        self.width = width
        self.isCausal = isCausal
        let channels = shape.channels
        let (first, _) = Self.taps(shape, isCausal: isCausal)
        input = Convolution(inputs: inputs, outputs: channels, taps: first, random: &stream)
        positions = Array(repeating: 0, count: (1 + shape.contextDims) * height * width * channels)
        blocks = (0..<shape.blocks).map { _ in Block(shape, isCausal: isCausal, random: &stream) }
        var none: RandomStream?
        output = Convolution(inputs: channels, outputs: outputs, taps: Convolution.square(1), random: &none)
    }

    /// Adds residual blocks behind the others. They change nothing before they are trained: their value convolutions start at
    /// zero, through which the first step reaches them.
    mutating func appendBlocks(_ count: Int, random stream: inout RandomStream?) {
        var none: RandomStream?
        for _ in 0..<count {
            var block = Block(shape, isCausal: isCausal, random: &stream)
            block.value = Convolution(
                inputs: shape.channels, outputs: shape.channels, taps: Convolution.square(1), random: &none)
            blocks.append(block)
        }
        shape.blocks += count
    }

    private static func taps(
        _ shape: ConvolutionalShape, isCausal: Bool
    ) -> (first: [Convolution.Taps], others: [Convolution.Taps]) {
        guard isCausal else { return (Convolution.square(shape.kernel), Convolution.square(shape.kernel)) }
        return (
            Convolution.causal(shape.kernel, withCentre: false), Convolution.causal(shape.kernel, withCentre: true)
        )
    }

    var grid: ImageGrid { ImageGrid(height: height, width: width, pad: shape.kernel / 2) }

    /// Numbers in the arrays of a network with these sizes, or nil where that overflows: known before any is allocated.
    static func parameterCount(
        height: Int, width: Int, inputs: Int, outputs: Int, isCausal: Bool, shape: ConvolutionalShape
    ) -> Int? {
        let (first, others) = taps(shape, isCausal: isCausal)
        func places(_ taps: [Convolution.Taps]) -> Int { taps.reduce(0) { $0 + $1.count } }
        let channels = shape.channels
        // factors of every product that is summed
        var terms = [
            [channels, places(first), inputs], [channels], [1 + shape.contextDims, height, width, channels],
            [outputs, channels], [outputs],
        ]
        let points = shape.isGated ? 2 : 1
        terms += [
            [shape.blocks, channels, places(others), channels], [shape.blocks, channels],
            [shape.blocks, channels, shape.contextDims], [shape.blocks, points, channels, channels],
            [shape.blocks, points, channels],
        ]
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
        let hasContext = shape.contextDims > 0
        let (channels, dims) = (shape.channels, shape.contextDims)
        try input.visitParameters("input", body)
        try body(positionInfo, &positions)
        for i in blocks.indices {
            let name = "blocks.\(i)"
            try blocks[i].first.visitParameters("\(name).first", body)
            if hasContext { try body(Self.contextInfo("\(name).first", channels, dims), &blocks[i].context) }
            try blocks[i].value.visitParameters("\(name).value", body)
            try blocks[i].gate?.visitParameters("\(name).gate", body)
        }
        try output.visitParameters("output", body)
    }

    static func contextInfo(_ name: String, _ channels: Int, _ dims: Int) -> ParameterInfo {
        ParameterInfo(name: "\(name).context", shape: [channels, dims])
    }
    var positionInfo: ParameterInfo {
        ParameterInfo(name: "positions", shape: [(1 + shape.contextDims) * height * width, shape.channels])
    }
}
