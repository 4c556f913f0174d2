/// How much a convolutional network writes on.
package struct ImageBufferSizes: Sendable, Equatable {
    /// Floats of one image: the key, one hidden layer, the outputs.
    package var key = 0
    package var hidden = 0
    package var output = 0
    /// Channels of the widest layer.
    package var widest = 0
    package var bias = 0
    /// Transformed dimensions and their parameters, channel by channel over pixels rounded up to vectors.
    package var lanes = 0
    package var transformed = 0
    package var parameters = 0
    /// Images whose history a sequential direction keeps at a time, and the floats of all layers of one of them.
    package var solveRows = 0
    package var history = 0

    package init() {}

    package func union(_ other: ImageBufferSizes) -> ImageBufferSizes {
        var sizes = self
        sizes.key = max(key, other.key)
        sizes.hidden = max(hidden, other.hidden)
        sizes.output = max(output, other.output)
        sizes.widest = max(widest, other.widest)
        sizes.bias = max(bias, other.bias)
        sizes.lanes = max(lanes, other.lanes)
        sizes.transformed = max(transformed, other.transformed)
        sizes.parameters = max(parameters, other.parameters)
        sizes.solveRows = max(solveRows, other.solveRows)
        sizes.history = max(history, other.history)
        return sizes
    }
}

/// What one image's way through a convolutional network writes on, `[pixels, channels]` with the border of its grid; used
/// again for every image and network.
package struct ImageBuffers: Sendable {
    package var key: [Float]
    /// The residual stream, and what its activation makes of it.
    package var stream: [Float]
    package var activated: [Float]
    /// Of a block: what its first convolution gives, and the second ones.
    package var hidden: [Float]
    package var value: [Float]
    package var gate: [Float]
    package var output: [Float]
    /// Biases with what the context adds.
    package var bias: [Float]
    /// The transformed dimensions, `[channels, lanes]`, before and after, their parameters and log-derivatives.
    package var x: [Float]
    package var z: [Float]
    package var parameters: [Float]
    package var logDets: [Float]
    /// Log-dets of the rows of a sequential direction.
    package var sums: [Double]
    /// `[rows, layers, pixels, channels]`: keys and activations of a sequential direction.
    package var history: [Float]

    package init(_ sizes: ImageBufferSizes) {
        func zeros(_ count: Int) -> [Float] { Array(repeating: 0, count: count) }
        let rows = max(1, sizes.solveRows)
        key = zeros(sizes.key)
        stream = zeros(max(sizes.hidden, rows * sizes.widest))
        activated = stream
        hidden = stream
        value = stream
        gate = stream
        output = zeros(max(sizes.output, rows * sizes.widest))
        bias = zeros(sizes.bias)
        x = zeros(sizes.transformed)
        z = x
        parameters = zeros(sizes.parameters)
        logDets = zeros(sizes.lanes)
        sums = Array(repeating: 0, count: sizes.solveRows)
        history = zeros(sizes.solveRows * sizes.history)
    }
}
