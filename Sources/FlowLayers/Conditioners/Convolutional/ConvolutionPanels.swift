import FlowKernels

/// Weights of a convolution in panels of 32 outputs, the last one of 16 or 32, `[depth, lanes]` each; lanes beyond the last output
/// are zero.
struct ConvolutionPanels: Sendable {
    /// Up to 32 outputs.
    struct Panel: Sendable {
        /// Index of the first weight.
        let offset: Int
        /// First of the outputs.
        let first: Int
        /// Number of outputs, those that only fill up a vector included.
        let lanes: Int
    }

    /// Number of input channels.
    let inputs: Int
    /// Numbers that one output reads, all taps of all input channels.
    let depth: Int
    /// Number of outputs, rounded up to whole vectors.
    let stride: Int
    let all: [Panel]
    private(set) var weights: [Float]

    /// Panels of zeros.
    private init(inputs: Int, outputs: Int, depth: Int) {
        self.inputs = inputs
        self.depth = depth
        stride = Convolution.stride(outputs)
        let stride = stride
        all = Swift.stride(from: 0, to: stride, by: 32).map {
            Panel(offset: $0 * depth, first: $0, lanes: min(32, stride - $0))
        }
        weights = Array(repeating: 0, count: depth * stride)
    }

    /// Panels of a convolution.
    init(_ convolution: Convolution) {
        self.init(inputs: convolution.inputs, outputs: convolution.outputs, depth: convolution.depth)
        let depth = depth
        for panel in all {
            Kernels.best.transpose(
                convolution.weights, Operand(offset: panel.first * depth, step: depth), to: &weights,
                Operand(offset: panel.offset, step: panel.lanes),
                rows: min(panel.lanes, convolution.outputs - panel.first), columns: depth)
        }
    }

    /// Panels of the transposed convolution, whose outputs are the other's inputs; it reads the other's output buffers, of which the
    /// channels that only fill up a vector count nothing.
    init(transposing convolution: Convolution) {
        let (inputs, places) = (convolution.outputStride, convolution.depth / convolution.inputs)
        self.init(inputs: inputs, outputs: convolution.inputs, depth: places * inputs)
        let from = convolution.weights.span
        let panels = all
        var span = weights.mutableSpan
        for panel in panels {
            let lanes = min(panel.lanes, convolution.inputs - panel.first)
            for place in 0..<places {
                for output in 0..<convolution.outputs {
                    let to = panel.offset + (place * inputs + output) * panel.lanes
                    let at = output * convolution.depth + (places - 1 - place) * convolution.inputs + panel.first
                    for lane in 0..<lanes { span[to + lane] = from[at + lane] }
                }
            }
        }
    }
}
