import FlowKernels

/// A ``Convolution`` with its weights in panels of 32 outputs, `[depth, lanes]` each. A class, so that passing it on counts one
/// reference.
final class PackedConvolution: Sendable {
    /// Up to 32 outputs.
    private struct Panel {
        /// Index of the first weight.
        let offset: Int
        /// First of the outputs.
        let first: Int
        /// Number of outputs, those that only fill up a vector included.
        let lanes: Int
    }

    let inputs: Int
    /// Number of channels of an output buffer: whole vectors.
    let stride: Int
    let taps: [Convolution.Taps]
    /// Biases of the outputs, `[stride]`.
    let biases: [Float]
    let multiplyAdds: Int
    private let panels: [Panel]
    private let weights: [Float]

    /// - Parameter weight: gives the weight of an output at a place in its depth.
    init(inputs: Int, outputs: Int, taps: [Convolution.Taps], biases: [Float], weight: (Int, Int) -> Float) {
        self.inputs = inputs
        self.taps = taps
        stride = Convolution.stride(outputs)
        let depth = Convolution.depth(taps, inputs: inputs)
        multiplyAdds = depth * outputs
        var panels: [Panel] = []
        var weights: [Float] = []
        weights.reserveCapacity(depth * stride)
        for first in Swift.stride(from: 0, to: stride, by: 32) {
            let lanes = min(32, stride - first)
            panels.append(Panel(offset: weights.count, first: first, lanes: lanes))
            for t in 0..<depth {
                for lane in first..<first + lanes { weights.append(lane < outputs ? weight(lane, t) : 0) }
            }
        }
        self.panels = panels
        self.weights = weights
        self.biases = biases + Array(repeating: 0, count: stride - biases.count)
    }

    /// Convolves the whole image `x` from `xOffset` on to `y` from `yOffset` on, whose border is left as it is.
    func apply(
        _ grid: ImageGrid, _ x: [Float], _ xOffset: Int, bias: [Float], to y: inout [Float], _ yOffset: Int
    ) {
        for row in 0..<grid.height {
            let pixel = grid.origin + row * grid.pitch
            apply(
                grid, at: pixel, count: grid.width, x, Operand(offset: xOffset, step: 1, stride: inputs), bias: bias,
                to: &y, Operand(offset: yOffset + pixel * stride, step: stride))
        }
    }

    /// Computes `count` outputs: those of the pixels from `pixel` on where `x` moves by a pixel, of one pixel of many images where
    /// it moves by an image. Without `bias` they are added to what is there.
    func apply(
        _ grid: ImageGrid, at pixel: Int, count: Int, _ x: [Float], _ px: Operand, bias: [Float]?,
        to y: inout [Float], _ py: Operand
    ) {
        for p in panels.indices {
            let panel = panels[p]
            var offset = panel.offset
            for t in taps.indices {
                let depth = taps[t].count * inputs
                let from = px.offset + (pixel + taps[t].dy * grid.pitch + taps[t].dx) * inputs
                Kernels.best.product(
                    weights, Operand(offset: offset, step: panel.lanes), x,
                    Operand(offset: from, step: 1, stride: px.stride), lanes: panel.lanes, count: count,
                    depth: depth, bias: t == 0 ? bias : nil, biasOffset: panel.first,
                    start: t == 0 && bias != nil ? .zero : .accumulate, c: &y,
                    Operand(offset: py.offset + panel.first, step: py.stepStride))
                offset += depth * panel.lanes
            }
        }
    }
}
