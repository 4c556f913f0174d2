import FlowCore

/// Workspace of convolutional networks, one after another.
final class ImageWorkspace: MapWorkspace {
    var buffers = ImageBuffers()
    /// Memory of a map's ``ContextBelief``.
    var belief = ImageBuffers()
}

/// Memory that one image's way through a convolutional network writes on, `[pixels, channels]` with the border of its grid; used
/// again for every image and network. Empty until it is reserved.
struct ImageBuffers {
    /// Image of the key.
    var key: [Float] = []
    /// Input of the present layer.
    var front: [Float] = []
    /// Input of the next layer.
    var back: [Float] = []
    /// Values as they are, before an activation, one place after another; ``NetworkPlan`` says which are kept.
    var sums: [Float] = []
    /// Result of the first convolution of a layer with a skip or a gate.
    var part: [Float] = []
    /// Result of a gate's convolution, then its sigmoid.
    var gate: [Float] = []
    /// Parameters of the transforms, as the last layer gives them.
    var output: [Float] = []
    /// Biases with what the context adds.
    var bias: [Float] = []
    /// Values of tiles at the points of minimal filters.
    var room = FilterRoom()
    /// Transformed dimensions before the transforms, `[channels, lanes]`.
    var x: [Float] = []
    /// Transformed dimensions after the transforms, `[channels, lanes]`.
    var z: [Float] = []
    /// Parameters of the transformed dimensions, `[channels, parameters, lanes]`.
    var parameters: [Float] = []
    /// Scales of a ``LinearPrediction``.
    var scales = ScaleRoom()
    /// Predictions of one pixel of some rows, `[channels, lanes]`.
    var means: [Float] = []
    /// Log-derivatives summed over the channels, `[lanes]`, nats.
    var logDets: [Float] = []
    /// Log-determinants of the rows of a sequential direction, nats.
    var rowLogDets: [Double] = []
    /// Keys and activations of a sequential direction, `[rows, layers, pixels, channels]`.
    var history: [Float] = []
    /// Beliefs about the context, `[pixels, contextDims]`, or in a sequential direction `[rows, contextDims]`.
    var beliefs: [Float] = []
    /// Sums of the scores so far in a sequential direction, `[rows, contextDims]`.
    var scores: [Float] = []
}
