import FlowCore

/// What networks of images write on, one after another.
final class ImageWorkspace: MapWorkspace {
    var buffers = ImageBuffers()
}

/// What one image's way through a convolutional network writes on, `[pixels, channels]` with the border of its grid; used
/// again for every image and network. Empty until it is reserved.
struct ImageBuffers {
    var key: [Float] = []
    /// What the present layer reads, and what the next one will.
    var front: [Float] = []
    var back: [Float] = []
    /// Values as they are, before an activation, one place after another; ``NetworkPlan`` says which are kept.
    var sums: [Float] = []
    /// Of a layer with a skip or a gate, what its convolutions give.
    var part: [Float] = []
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
    var rowLogDets: [Double] = []
    /// `[rows, layers, pixels, channels]`: keys and activations of a sequential direction.
    var history: [Float] = []
}
