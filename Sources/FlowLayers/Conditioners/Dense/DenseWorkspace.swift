import FlowCore

/// Workspace of dense networks, one after another.
final class DenseWorkspace: MapWorkspace {
    var buffers = DenseBuffers()
}

/// Values of a tile's rows on their way through a dense network, row-major; ``NetworkPlan`` says which are kept.
struct DenseBuffers {
    /// Input of the present layer.
    var front: [Float] = []
    /// Input of the next layer.
    var back: [Float] = []
    /// Input of the present layer in bfloat16.
    var halfFront: [UInt16] = []
    /// Input of the next layer in bfloat16.
    var halfBack: [UInt16] = []
    /// Values as they are, before an activation, one place after another.
    var sums: [Float] = []
    /// The panels of a group of outputs, side by side, `[capacity, 32 · panels]`, or one panel of a hidden layer.
    var panel: [Float] = []
}
