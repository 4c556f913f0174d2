import FlowCore

/// Gradients of the parameter arrays.
extension ConvolutionalNetwork {
    /// Visits the gradient of every parameter array, in visiting order, from tapes that went through ``backward(_:through:)``.
    func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        var next = 0
        func visit(_ name: String, _ convolution: Convolution) -> [Convolution.Trace] {
            let traces = tapes.map { $0.traces[next] }
            next += 1
            convolution.visitGradients(name, of: traces, body)
            return traces
        }
        let contexts = tapes.map(\.context)
        let (channels, dims) = (shape.channels, shape.contextDims)
        for (layer, wiring) in zip(layers, description.layers) {
            let traces = visit(wiring.name, layer.map)
            if wiring.addsPositions {
                body(
                    ParameterGradient(info: positionInfo) { pixels, gradient in
                        Self.positionGradient(rows: pixels, traces, contexts, channels, &gradient)
                    })
            }
            if wiring.addsContext {
                body(
                    ParameterGradient(info: contextInfo(wiring.name)) { units, gradient in
                        Self.contextGradient(units: units, traces, contexts, dims, &gradient)
                    })
            }
            if let gate = layer.gate, let name = wiring.gate { _ = visit(name, gate) }
        }
    }

    /// Sets `gradient`, `[rows.count, channels]`, to `∂L/∂y` summed over the images, each times the number of its context.
    private static func positionGradient(
        rows: Range<Int>, _ traces: [Convolution.Trace], _ contexts: [Matrix?], _ channels: Int,
        _ gradient: inout MutableSpan<Float>
    ) {
        for i in 0..<gradient.count { gradient[i] = 0 }
        for (trace, context) in zip(traces, contexts) {
            let dy = trace.dy.span
            let pixels = trace.grid.height * trace.grid.width
            for row in rows {
                let (part, pixel) = row.quotientAndRemainder(dividingBy: pixels)
                let (place, to) = (trace.grid.place(of: pixel), (row - rows.lowerBound) * channels)
                for image in 0..<trace.images {
                    let factor = part == 0 ? 1 : context![image, part - 1]  // parts beyond the first are a context's
                    if factor == 0 { continue }
                    let from = (image * trace.grid.pixels + place) * channels
                    for c in 0..<channels { gradient[to + c] += factor * dy[from + c] }
                }
            }
        }
    }

    /// Sets `gradient`, `[units.count, dims]`, to `Σ ∂L/∂y · context` over the images.
    private static func contextGradient(
        units: Range<Int>, _ traces: [Convolution.Trace], _ contexts: [Matrix?], _ dims: Int,
        _ gradient: inout MutableSpan<Float>
    ) {
        for i in 0..<gradient.count { gradient[i] = 0 }
        for (trace, context) in zip(traces, contexts) {
            guard let context else { continue }
            let stride = trace.sums.count / trace.images
            for image in 0..<trace.images {
                for u in 0..<units.count {
                    let sum = trace.sums[image * stride + units.lowerBound + u]
                    for k in 0..<dims { gradient[u * dims + k] += sum * context[image, k] }
                }
            }
        }
    }
}
