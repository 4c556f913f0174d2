import FlowCore

/// What networks of images write on, one after another.
final class ImageWorkspace: MapWorkspace {
    var buffers = ImageBuffers()
}

/// What one image's way through a convolutional network writes on, `[pixels, channels]` with the border of its grid; used
/// again for every image and network. Empty until it is reserved.
struct ImageBuffers {
    var key: [Float] = []
    /// The residual stream, and what its activation makes of it.
    var stream: [Float] = []
    var activated: [Float] = []
    /// Of a block: what its first convolution gives, and the second ones.
    var hidden: [Float] = []
    var value: [Float] = []
    var gate: [Float] = []
    var output: [Float] = []
    /// Biases with what the context adds.
    var bias: [Float] = []
    /// The transformed dimensions, `[channels, lanes]`, before and after, their parameters and log-derivatives.
    var x: [Float] = []
    var z: [Float] = []
    var parameters: [Float] = []
    var logDets: [Float] = []
    /// Log-dets of the rows of a sequential direction.
    var sums: [Double] = []
    /// `[rows, layers, pixels, channels]`: keys and activations of a sequential direction.
    var history: [Float] = []
}
