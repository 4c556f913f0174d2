/// What the backward pass of transforms with a conditioner remembers.
public struct TransformTape: Sendable {
    /// The dimensions that were transformed, before the map.
    var x: UnitMajor
    /// The parameters of each dimension, side by side.
    var parameters: UnitMajor
    var network: Conditioner.Tape
}
