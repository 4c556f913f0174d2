/// What the backward pass of an affine map with a conditioner remembers; every array is unit-major, `[units, rows]`.
public struct AffineTape: Sendable {
    /// The dimensions that were transformed, before the map.
    var x: [Float]
    /// Shifts and unbounded log-scales, rows `2i` and `2i + 1` of dimension `i`.
    var parameters: [Float]
    /// Input of every layer of the conditioner.
    var network: [[Float]]
}
