import FlowCore
import FlowKernels

/// The taped passes. Image by image, so that an image's activations are in the cache from one step to the next.
extension ConvolutionalNetwork {
    /// What the backward pass remembers of one forward pass, and then what the gradients are made of.
    struct Tape: Sendable {
        let images: Int
        let context: Matrix?
        /// `[images, pixels, inputs]`.
        var key: [Float]
        /// Of each image, where activations are left out.
        var dropoutKeys: [UInt64] = []
        /// The residual stream before every block and at the end, `[images, pixels, channels]`.
        var streams: [[Float]] = []
        /// Of each block, what its first convolution gave, what was added, and the sigmoid of its gates.
        var hiddens: [[Float]] = []
        var values: [[Float]] = []
        var gates: [[Float]] = []
        /// Of each convolution in visiting order, after ``ConvolutionalNetwork/backward(_:through:)``.
        var traces: [Convolution.Trace] = []
    }

    /// Bytes of a tape of some images, and of `before` bytes more until the backward pass.
    func tapeBytes(images: Int, before: Int) -> Int {
        func buffers(_ count: Int, channels: Int) -> Int {
            4 * count * (images * grid.pixels * channels + Convolution.slack)
        }
        let gates = shape.isGated ? blocks.count : 0
        let shared =
            buffers(1, channels: input.inputs) + buffers(3 * blocks.count + 1 + gates, channels: shape.channels)
            + 4 * images * shape.contextDims
        let sums = 4 * images * (shape.channels * (1 + 2 * blocks.count + gates) + output.outputStride)
        // the gradient of every block's first convolution, of the stream and of the parameters
        let after =
            buffers(blocks.count + 1, channels: shape.channels) + buffers(1, channels: output.outputStride) + sums
        return shared + max(before, after)
    }

    /// Zeros for `images` images of `channels` channels.
    func buffer(_ images: Int, channels: Int) -> [Float] {
        Array(repeating: 0, count: images * grid.pixels * channels + Convolution.slack)
    }

    /// The parameters of every image, `[images, pixels, outputStride]`, of keys in buffers with zero borders.
    func forwardTaped(_ key: [Float], images: Int, context: Matrix?) -> (output: [Float], tape: Tape) {
        let packed = PackedConvolutionalNetwork(self)
        let (grid, channels, dims) = (grid, shape.channels, shape.contextDims)
        let given = context?.elements ?? []
        var tape = Tape(images: images, context: context, key: key)
        tape.streams = (0...blocks.count).map { _ in buffer(images, channels: channels) }
        tape.hiddens = blocks.map { _ in buffer(images, channels: channels) }
        tape.values = tape.hiddens
        if shape.isGated { tape.gates = tape.hiddens }
        var output = buffer(images, channels: self.output.outputStride)
        var bias = [Float](repeating: 0, count: channels)
        var activated = buffer(1, channels: channels)
        var dropout = Dropout(share: self.dropout, count: grid.pixels * channels)
        for image in 0..<images {
            let at = image * grid.pixels * channels
            let keyAt = image * grid.pixels * input.inputs
            tape.dropoutKeys.append(
                dropout.share > 0 ? Dropout.key(key, keyAt, count: grid.pixels * input.inputs) : 0)
            packed.input.apply(grid, key, keyAt, bias: packed.input.biases, to: &tape.streams[0], at)
            packed.addPositions(given, image * dims, to: &tape.streams[0], at)
            for b in blocks.indices {
                let block = packed.blocks[b]
                packed.activate(tape.streams[b], at, to: &activated, 0)
                PackedConvolutionalNetwork.fill(&bias, block.first, block.context, given, image * dims, dims)
                block.first.apply(grid, activated, 0, bias: bias, to: &tape.hiddens[b], at)
                packed.activate(tape.hiddens[b], at, to: &activated, 0)
                dropout.draw(key: tape.dropoutKeys[image], block: b)
                dropout.apply(to: &activated, 0)
                block.value.apply(grid, activated, 0, bias: block.value.biases, to: &tape.values[b], at)
                packed.add(tape.streams[b], at, to: &tape.streams[b + 1], at)
                if let gate = block.gate {
                    gate.apply(grid, activated, 0, bias: gate.biases, to: &tape.gates[b], at)
                    packed.gate(tape.values[b], &tape.gates[b], at, to: &tape.streams[b + 1], at)
                } else {
                    packed.add(tape.values[b], at, to: &tape.streams[b + 1], at)
                }
            }
            packed.activate(tape.streams[blocks.count], at, to: &activated, 0)
            packed.output.apply(
                grid, activated, 0, bias: packed.output.biases, to: &output,
                image * grid.pixels * self.output.outputStride)
        }
        return (output, tape)
    }

    /// Pulls `∂L/∂parameters`, `[images, pixels, outputStride]` with zero borders, back to `∂L/∂key`,
    /// `[images, pixels, channels]` of ``keyStride`` channels, and leaves in the tape what the gradients are made of.
    func backward(_ dOutput: [Float], through tape: inout Tape) -> [Float] {
        let (grid, channels) = (grid, shape.channels)
        let images = tape.images
        let pulls = (
            input: input.transposed, output: output.transposed,
            blocks: blocks.map {
                (first: $0.first.transposed, value: $0.value.transposed, gate: $0.gate?.transposed)
            }
        )
        var dKey = buffer(images, channels: keyStride)
        var d = buffer(images, channels: channels)
        var dFirsts = blocks.map { _ in buffer(images, channels: channels) }
        var pulled = buffer(1, channels: channels)
        var added = pulled
        let size = grid.pixels * channels
        var dropout = Dropout(share: self.dropout, count: size)
        for image in 0..<images {
            let at = image * size
            pulls.output.apply(grid, dOutput, image * grid.pixels * output.outputStride, to: &d, at)
            activationBackward(&tape.streams[blocks.count], at, &d, at)
            for b in blocks.indices.reversed() {
                if shape.isGated {
                    Kernels.best.gateBackward(d, &tape.values[b], &tape.gates[b], at, count: size)
                } else {
                    tape.values[b].replaceSubrange(at..<at + size, with: d[at..<at + size])
                }
                pulls.blocks[b].value.apply(grid, tape.values[b], at, to: &dFirsts[b], at)
                if let gate = pulls.blocks[b].gate {
                    gate.apply(grid, tape.gates[b], at, to: &added, 0)
                    Kernels.best.add(added, 0, to: &dFirsts[b], at, count: size)
                }
                dropout.draw(key: tape.dropoutKeys[image], block: b)
                dropout.apply(to: &dFirsts[b], at)
                activationBackward(&tape.hiddens[b], at, &dFirsts[b], at)
                dropout.apply(to: &tape.hiddens[b], at)
                pulls.blocks[b].first.apply(grid, dFirsts[b], at, to: &pulled, 0)
                activationBackward(&tape.streams[b], at, &pulled, 0)
                Kernels.best.add(pulled, 0, to: &d, at, count: size)
            }
            pulls.input.apply(grid, d, at, to: &dKey, image * grid.pixels * keyStride)
        }
        func trace(_ convolution: Convolution, _ x: [Float], _ dy: [Float]) -> Convolution.Trace {
            Convolution.Trace(grid: grid, images: images, x: x, dy: dy, stride: convolution.outputStride)
        }
        var traces = [trace(input, tape.key, d)]
        for (b, block) in blocks.enumerated() {
            traces.append(trace(block.first, tape.streams[b], dFirsts[b]))
            traces.append(trace(block.value, tape.hiddens[b], tape.values[b]))
            if let gate = block.gate { traces.append(trace(gate, tape.hiddens[b], tape.gates[b])) }
        }
        traces.append(trace(output, tape.streams[blocks.count], dOutput))
        tape = Tape(images: images, context: tape.context, key: [], traces: traces)
        return dKey
    }

    /// Channels of ``backward(_:through:)``'s result.
    var keyStride: Int { Convolution.stride(input.inputs) }

    /// `d = d · f′(x)` of one image, and `x = f(x)`.
    private func activationBackward(_ x: inout [Float], _ xOffset: Int, _ d: inout [Float], _ dOffset: Int) {
        let count = grid.pixels * shape.channels
        Kernels.best.activationBackward(shape.activation, x: x, xOffset, dx: &d, dOffset, count: count)
        Kernels.best.activate(
            shape.activation, x: &x, offset: xOffset, rows: 1, columns: count, stride: count)
    }

    /// The gradient of every parameter array, in visiting order, from tapes that went through ``backward(_:through:)``.
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
        func visitContext(_ name: String, _ traces: [Convolution.Trace]) {
            guard dims > 0 else { return }
            body(
                ParameterGradient(info: Self.contextInfo(name, channels, dims)) { units, gradient in
                    Self.contextGradient(units: units, traces, contexts, dims, &gradient)
                })
        }
        let ofInput = visit("input", input)
        body(
            ParameterGradient(info: positionInfo) { pixels, gradient in
                Self.positionGradient(rows: pixels, ofInput, contexts, channels, &gradient)
            })
        for (b, block) in blocks.enumerated() {
            visitContext("blocks.\(b).first", visit("blocks.\(b).first", block.first))
            _ = visit("blocks.\(b).value", block.value)
            if let gate = block.gate { _ = visit("blocks.\(b).gate", gate) }
        }
        _ = visit("output", output)
    }

    /// Sets `gradient`, `[rows.count, channels]`, to `∂L/∂stream` summed over the images, as much of each as its context says.
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

extension PackedConvolution {
    /// ``apply(_:_:_:bias:to:_:)`` with its own biases, of a transposed convolution zeros.
    func apply(_ grid: ImageGrid, _ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int) {
        apply(grid, x, xOffset, bias: biases, to: &y, yOffset)
    }
}
