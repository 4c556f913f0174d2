import FlowCore
import FlowKernels

/// Taped passes, forward and backward: interpreters of the description. They go image by image, so that an image's activations are
/// in the cache from one layer to the next.
extension ConvolutionalNetwork {
    /// Tape of one forward pass; after the backward pass, what the gradients are made of.
    struct Tape: Sendable {
        let images: Int
        let context: Matrix?
        /// Keys, `[images, pixels, inputs]`.
        var key: [Float]
        /// Key of each image's dropout, which tells the activations that are left out; 0 without dropout.
        var dropoutKeys: [UInt64] = []
        /// Value that each layer but the last made, `[images, pixels, channels]`.
        var values: [[Float]] = []
        /// Result of the first convolution of each layer with a skip or a gate, `[images, pixels, channels]`; empty for others.
        var parts: [[Float]] = []
        /// Sigmoid of each layer's gates, `[images, pixels, channels]`; empty for layers without.
        var gates: [[Float]] = []
        /// Trace of each convolution in visiting order, after ``ConvolutionalNetwork/backward(_:through:)``.
        var traces: [Convolution.Trace] = []
    }

    /// Computes the bytes of a tape of some images, which holds `before` bytes more until the backward pass.
    func tapeBytes(images: Int, before: Int) -> Int {
        func buffers(_ count: Int, channels: Int) -> Int {
            4 * count * (images * grid.pixels * channels + Convolution.slack)
        }
        let hidden = layers.count - 1
        let gates = description.layers.count { $0.gate != nil }
        let parts = layers.indices.count { description.isPart($0) }
        let shared =
            buffers(1, channels: inputs) + buffers(hidden + parts + gates, channels: shape.channels)
            + 4 * images * shape.contextDims
        let sums = 4 * images * (shape.channels * (hidden + gates) + outputStride)
        // the gradients of values, of the outputs and of the parameters
        let after = buffers(gradients.count, channels: shape.channels) + buffers(1, channels: outputStride) + sums
        return shared + max(before, after)
    }

    /// Makes a buffer of zeros for `images` images of `channels` channels.
    func buffer(_ images: Int, channels: Int) -> [Float] {
        Array(repeating: 0, count: images * grid.pixels * channels + Convolution.slack)
    }

    /// Computes the parameters of every image, `[images, pixels, outputStride]`, from keys in a buffer with zero borders.
    func forwardTaped(_ key: [Float], images: Int, context: Matrix?) -> (output: [Float], tape: Tape) {
        let packed = PackedConvolutionalNetwork(self, pixels: false)
        let (grid, channels, dims) = (grid, shape.channels, shape.contextDims)
        let last = layers.count - 1
        let given = context?.elements ?? []
        var tape = Tape(images: images, context: context, key: key)
        tape.values = (0..<last).map { _ in buffer(images, channels: channels) }
        tape.parts = (0..<last).map { description.isPart($0) ? buffer(images, channels: channels) : [] }
        tape.gates = (0..<last).map { layers[$0].gate != nil ? buffer(images, channels: channels) : [] }
        var output = buffer(images, channels: outputStride)
        var bias = [Float](repeating: 0, count: channels)
        var read = buffer(1, channels: channels)
        var room = FilterRoom()
        var dropout = Dropout(fraction: self.dropout, count: grid.pixels * channels)
        for image in 0..<images {
            let at = image * grid.pixels * channels
            let keyAt = image * grid.pixels * inputs
            tape.dropoutKeys.append(dropout.fraction > 0 ? Dropout.key(key, keyAt, count: grid.pixels * inputs) : 0)
            packed.layers[0].map.apply(
                grid, key, keyAt, bias: packed.layers[0].map.biases, to: &tape.values[0], at, &room)
            packed.addPositions(packed.layers[0], given, image * dims, to: &tape.values[0], at)
            for k in 1...last {
                let (wiring, layer) = (description.layers[k], packed.layers[k])
                if wiring.isActivated {
                    packed.pixels.activate(description.activation, tape.values[k - 1], at, to: &read, 0)
                } else {
                    packed.pixels.copy(tape.values[k - 1], at, to: &read, 0)
                }
                if let stream = wiring.dropout {
                    dropout.draw(key: tape.dropoutKeys[image], block: stream)
                    dropout.apply(to: &read, 0)
                }
                if k == last {
                    layer.map.apply(
                        grid, read, 0, bias: layer.map.biases, to: &output, image * grid.pixels * outputStride, &room)
                    break
                }
                packed.fill(&bias, layer, given, image * dims)
                guard description.isPart(k) else {
                    layer.map.apply(grid, read, 0, bias: bias, to: &tape.values[k], at, &room)
                    packed.addPositions(layer, given, image * dims, to: &tape.values[k], at)
                    continue
                }
                layer.map.apply(grid, read, 0, bias: bias, to: &tape.parts[k], at, &room)
                packed.addPositions(layer, given, image * dims, to: &tape.parts[k], at)
                if let skip = wiring.skip { packed.pixels.add(tape.values[skip - 1], at, to: &tape.values[k], at) }
                if let gate = layer.gate {
                    gate.apply(grid, read, 0, bias: gate.biases, to: &tape.gates[k], at, &room)
                    packed.pixels.gate(tape.parts[k], &tape.gates[k], at, to: &tape.values[k], at)
                } else {
                    packed.pixels.add(tape.parts[k], at, to: &tape.values[k], at)
                }
            }
        }
        return (output, tape)
    }

    /// Buffer of the gradient of each value but the first, and the number of buffers. A value that is added to later ones has the
    /// buffer of the last of them: from there on that gradient is its own.
    private var gradients: (places: [Int], count: Int) {
        var places = [Int](repeating: 0, count: layers.count)
        var count = 0
        for value in (1..<layers.count).reversed() {
            if let layer = description.layers(adding: value).last {
                places[value] = places[layer + 1]
            } else {
                places[value] = count
                count += 1
            }
        }
        return (places, count)
    }

    /// Pulls `∂L/∂parameters`, `[images, pixels, outputStride]` with zero borders, back to `∂L/∂key`,
    /// `[images, pixels, channels]` of ``keyStride`` channels, and leaves in the tape what the gradients are made of.
    func backward(_ dOutput: [Float], through tape: inout Tape) -> [Float] {
        let (grid, channels, images, last) = (grid, shape.channels, tape.images, layers.count - 1)
        let pulls = layers.map { (map: $0.map.transposed(on: grid), gate: $0.gate?.transposed(on: grid)) }
        var room = FilterRoom()
        let (places, count) = gradients
        let adding = layers.indices.map { description.layers(adding: $0) }
        var dKey = buffer(images, channels: keyStride)
        var d = (0..<count).map { _ in buffer(images, channels: channels) }
        var pulled = buffer(1, channels: channels)
        var added = pulled
        let size = grid.pixels * channels
        var dropout = Dropout(fraction: self.dropout, count: size)
        /// Pulls the gradient of what layer `k` gave back to what it read, its activation and dropout included.
        func pull(_ k: Int, _ dy: [Float], _ dyOffset: Int, _ image: Int, to dx: inout [Float], _ offset: Int) {
            let at = image * size
            pulls[k].map.apply(grid, dy, dyOffset, to: &dx, offset, &room)
            if let gate = pulls[k].gate {
                gate.apply(grid, tape.gates[k], at, to: &added, 0, &room)
                Kernels.best.add(added, 0, to: &dx, offset, count: size)
            }
            if let stream = description.layers[k].dropout {
                dropout.draw(key: tape.dropoutKeys[image], block: stream)
                dropout.apply(to: &dx, offset)
            }
            if description.layers[k].isActivated { activationBackward(&tape.values[k - 1], at, &dx, offset) }
            if description.layers[k].dropout != nil { dropout.apply(to: &tape.values[k - 1], at) }
        }
        for image in 0..<images {
            let at = image * size
            for k in (1...last).reversed() {
                if description.isPart(k) {
                    let own = places[k + 1]
                    if layers[k].gate != nil {
                        Kernels.best.gateBackward(d[own], &tape.parts[k], &tape.gates[k], at, count: size)
                    } else {
                        tape.parts[k].replaceSubrange(at..<at + size, with: d[own][at..<at + size])
                    }
                    if let skip = description.layers[k].skip, places[skip] != own {
                        Kernels.best.add(d[own], at, to: &d[places[skip]], at, count: size)
                    }
                }
                let dy = k == last ? dOutput : description.isPart(k) ? tape.parts[k] : d[places[k + 1]]
                let dyOffset = k == last ? image * grid.pixels * outputStride : at
                if adding[k].isEmpty {
                    pull(k, dy, dyOffset, image, to: &d[places[k]], at)
                } else {
                    pull(k, dy, dyOffset, image, to: &pulled, 0)
                    Kernels.best.add(pulled, 0, to: &d[places[k]], at, count: size)
                }
            }
            pulls[0].map.apply(grid, d[places[1]], at, to: &dKey, image * grid.pixels * keyStride, &room)
        }
        var traces: [Convolution.Trace] = []
        for (k, layer) in layers.enumerated() {
            func trace(_ convolution: Convolution, _ dy: [Float]) {
                traces.append(
                    Convolution.Trace(
                        grid: grid, images: images, x: k == 0 ? tape.key : tape.values[k - 1], dy: dy,
                        stride: convolution.outputStride))
            }
            trace(layer.map, k == last ? dOutput : description.isPart(k) ? tape.parts[k] : d[places[k + 1]])
            if let gate = layer.gate { trace(gate, tape.gates[k]) }
        }
        tape = Tape(images: images, context: tape.context, key: [], traces: traces)
        return dKey
    }

    /// Number of channels of a buffer of `∂L/∂key`: whole vectors.
    var keyStride: Int { Convolution.stride(inputs) }

    /// Pulls the gradient of one image's activations back, `d = d · f′(x)`, and replaces their input by them, `x = f(x)`.
    private func activationBackward(_ x: inout [Float], _ xOffset: Int, _ d: inout [Float], _ dOffset: Int) {
        let count = grid.pixels * shape.channels
        Kernels.best.activationBackward(description.activation, x: x, xOffset, dx: &d, dOffset, count: count)
        Kernels.best.activate(
            description.activation, x: &x, offset: xOffset, rows: 1, columns: count, stride: count)
    }
}

extension PackedConvolution {
    /// Convolves a whole image with the convolution's own biases, which are zero in a transposed one.
    func apply(
        _ grid: ImageGrid, _ x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int, _ room: inout FilterRoom
    ) {
        apply(grid, x, xOffset, bias: biases, to: &y, yOffset, &room)
    }
}
