import FlowKernels

/// What the backward pass of transforms with a conditioner remembers.
public struct TransformTape: Sendable {
    /// The dimensions that were transformed, before the map.
    var x: UnitMajor
    /// The parameters of each dimension, side by side.
    var parameters: UnitMajor
    var network: Conditioner.Tape

    /// Bytes of a tape of `rows` rows of `transformed` dimensions.
    static func bytes(
        rows: Int, transformed: Int, transform: UnivariateTransform, network: Conditioner
    ) -> Int {
        4 * transformed * (1 + transform.parameterCount) * UnitMajor.stride(rows) + network.tapeBytes(rows: rows)
    }
}
