import FlowKernels

/// Terms that are added to a convolution: its biases, those of the context and those of the pixels.
extension PackedConvolutionalNetwork {
    /// Sets `bias` from `offset` on to a layer's biases, with what the context at `contextOffset` adds where the layer adds one, and
    /// there is one.
    func fill(
        _ bias: inout [Float], at offset: Int = 0, _ layer: Layer, _ context: [Float], _ contextOffset: Int?
    ) {
        let stride = layer.map.stride
        let (own, byContext) = (layer.map.biases, layer.context)
        let biases = own.span
        let added = byContext.span
        var span = bias.mutableSpan
        for c in 0..<stride { span[offset + c] = biases[c] }
        guard let contextOffset, !added.isEmpty else { return }
        for k in 0..<shape.contextDims where context[contextOffset + k] != 0 {
            let factor = context[contextOffset + k]
            for c in 0..<stride { span[offset + c] += factor * added[k * stride + c] }
        }
    }

    /// Sets the biases of all layers that add a context, for pixels of some rows: `[layers, solveRows, channels]`.
    func setBiases(_ bias: inout [Float], rows: Range<Int>, _ context: [Float]) {
        for k in 0..<layers.count {
            guard let first = layers[k].bias else { continue }
            for r in 0..<rows.count {
                fill(
                    &bias, at: (first * solveRows + r) * channels, layers[k], context,
                    (rows.lowerBound + r) * shape.contextDims)
            }
        }
    }

    /// Adds a layer's positions at every pixel of an image, if it has them.
    func addPositions(_ layer: Layer, _ context: [Float], _ contextOffset: Int, to x: inout [Float], _ offset: Int) {
        if layer.positions.isEmpty { return }
        for row in 0..<grid.height {
            addPositions(
                layer, row * grid.width, count: grid.width, context, contextOffset, to: &x,
                offset + (grid.origin + row * grid.pitch) * channels)
        }
    }

    /// Adds what the context of each pixel, `[pixels, contextDims]`, adds to a layer's convolution of an image.
    func addContexts(_ layer: Layer, _ contexts: [Float], to x: inout [Float], _ offset: Int) {
        let dims = shape.contextDims
        for row in 0..<grid.height {
            Kernels.best.product(
                layer.context, Operand(step: channels), contexts,
                Operand(offset: row * grid.width * dims, step: 1, stride: dims), lanes: channels, count: grid.width,
                depth: dims, start: .accumulate, c: &x,
                Operand(offset: offset + (grid.origin + row * grid.pitch) * channels, step: channels))
        }
    }

    /// Adds a layer's positions at every pixel of an image, if it has them, each with its own context, `[pixels, contextDims]`.
    func addPositions(_ layer: Layer, contexts: [Float], to x: inout [Float], _ offset: Int) {
        if layer.positions.isEmpty { return }
        for index in 0..<grid.height * grid.width {
            addPositions(
                layer, index, count: 1, contexts, index * shape.contextDims, to: &x,
                offset + grid.place(of: index) * channels)
        }
    }

    /// Adds a layer's positions at `count` pixels from pixel `first` on.
    func addPositions(
        _ layer: Layer, _ first: Int, count: Int, _ context: [Float], _ contextOffset: Int, to x: inout [Float],
        _ offset: Int
    ) {
        Kernels.best.add(layer.positions, first * channels, to: &x, offset, count: count * channels)
        for k in 0..<shape.contextDims where context[contextOffset + k] != 0 {
            let from = ((1 + k) * grid.height * grid.width + first) * channels
            Kernels.best.add(
                layer.positions, from, times: context[contextOffset + k], to: &x, offset, count: count * channels)
        }
    }
}
