import FlowCore

/// What dense networks write on, one after another.
final class DenseWorkspace: MapWorkspace {
    var buffers = DenseBuffers()
}

/// Activations of a tile's rows on their way through a dense network, row-major.
struct DenseBuffers {
    /// One layer each.
    var front: [Float] = []
    var back: [Float] = []
    var branch: [Float] = []
    /// Inputs of one layer each in bfloat16.
    var halfFront: [UInt16] = []
    var halfBack: [UInt16] = []
    /// The panels of a group of outputs, side by side, `[capacity, 32 · panels]`, or one panel of a hidden layer.
    var panel: [Float] = []
}
