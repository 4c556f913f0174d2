/// A packed map that may solve latent → data position after position, some positions being given as data.
package protocol SequentialMap: PackedBijection {
    /// Dimensions of each position, in the order in which positions become known: those of a position depend on the positions
    /// before it alone, and not on one another. Nil of a map that has no such order, such as a coupling.
    var positions: [Range<Int>]? { get }
    /// Most rows of one solve, by the memory that each takes.
    var mostStepRows: Int { get }
    /// Makes the memory of a solve of `rows` rows, before its first position.
    /// - Precondition: the map has ``positions``, and `rows` is at most ``mostStepRows``.
    func stepper(rows: Int) -> any SequentialStepper
}

/// A solve under way, one position at a time, on one thread.
package protocol SequentialStepper: AnyObject {
    /// Maps the next position of all rows: latent → data, or with `isGiven` data → latent. Reads one of the tiles and writes the
    /// other; the data of the positions before is known by then.
    ///
    /// - Parameter logDerivatives: set, a row each, to the sum of `log ∂z/∂x` over the position's dimensions, nats.
    func step(
        _ position: Int, isGiven: Bool, data: inout RowTile, latents: inout RowTile, logDerivatives: inout [Double])
    /// Makes row `to`, as far as it is solved, the same as row `from`; the tiles are the caller's to copy, before this.
    func copyRow(_ from: Int, to: Int, data: RowTile)
}
