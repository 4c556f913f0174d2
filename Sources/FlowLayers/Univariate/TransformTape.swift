import FlowKernels

/// Tape of transforms with a dense conditioner.
public struct TransformTape: Sendable {
    /// Dimensions that were transformed, before the map, `[dims, rows]`.
    var x: UnitMajor
    /// Parameters, `[dims · parameterCount, rows]`, those of a dimension side by side.
    var parameters: UnitMajor
    /// Tape of the conditioner.
    var network: Conditioner.Tape

    /// Computes the bytes of a tape of `rows` rows of `transformed` dimensions.
    static func bytes(
        rows: Int, transformed: Int, transform: UnivariateTransform, network: Conditioner
    ) -> Int {
        4 * transformed * (1 + transform.parameterCount) * UnitMajor.stride(rows) + network.tapeBytes(rows: rows)
    }
}
