import FlowCore

/// What dense networks write on, one after another.
final class DenseWorkspace: MapWorkspace {
    var buffers = DenseBuffers()
}

/// Values of a tile's rows on their way through a dense network, row-major; ``NetworkPlan`` says which are kept.
struct DenseBuffers {
    /// What the present layer reads, and what the next one will.
    var front: [Float] = []
    var back: [Float] = []
    /// The same in bfloat16.
    var halfFront: [UInt16] = []
    var halfBack: [UInt16] = []
    /// Values as they are, before an activation, one place after another.
    var sums: [Float] = []
    /// The panels of a group of outputs, side by side, `[capacity, 32 · panels]`, or one panel of a hidden layer.
    var panel: [Float] = []
}
