/// What the backward pass of an affine map with a conditioner remembers.
public struct AffineTape: Sendable {
    /// The dimensions that were transformed, before the map.
    var x: UnitMajor
    /// Shifts and unbounded log-scales, units `2i` and `2i + 1` of dimension `i`.
    var parameters: UnitMajor
    var network: Conditioner.Tape
}
