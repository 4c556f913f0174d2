/// Solve of a flow for some dimensions given the others, one position after another, in the order in which the flow maps them.
///
/// For flows `z = T(e(x))` of one autoregressive map `T` behind maps `e` of single dimensions. Where a position is given, its data
/// is known and its latent follows; where it is not, its latent is known and its data follows. Dimensions that are solved
/// for are draws of `p(x_d | x_<d)` where their latents are standard normal, and what is given after them has the density
///
///     p(x_d | x_<d) = N(z_d; 0, τ²) · ∂z_d/∂x_d
///
/// of which the weights of importance sampling are products.
public final class ConditionalSolve: Sendable {
    /// Rows of one solve: all have the same positions given.
    package struct Rows: Sendable {
        /// What the flow is given, `[rows, D]`: at given positions to begin with, elsewhere once they are solved.
        package var data: RowTile
        /// Latents, `[rows, D]`: at positions that are not given to begin with, elsewhere once they are solved.
        package var latents: RowTile
        /// Logarithms of the importance weights, `[rows]`, nats.
        package var logWeights: [Double]
    }

    private let before: [any PackedBijection]
    private let map: any SequentialMap
    /// Dimensions of each position, in the order of the solve.
    package let positions: [Range<Int>]
    /// Most rows of one solve.
    package var mostRows: Int { min(RowTile.capacity, map.mostStepRows) }

    /// The solve of a packed flow; nil where the flow has no one order.
    package init?(_ flow: any PackedBijection) {
        let maps = (flow as? PackedChain)?.maps ?? [flow]
        guard let map = maps[maps.count - 1] as? any SequentialMap, let positions = map.positions,
            maps.dropLast().allSatisfy({ $0.triangularOrder == .any })
        else { return nil }
        before = Array(maps.dropLast())
        self.map = map
        self.positions = positions
    }

    /// Makes `count` rows of zeros, every weight 1.
    package func rows(_ count: Int) -> Rows {
        precondition((1...mostRows).contains(count))
        var tile = RowTile(dims: map.dims, contextDims: map.contextDims)
        tile.rows = count
        return Rows(data: tile, latents: tile, logWeights: Array(repeating: 0, count: count))
    }

    /// Solves for what is not given, and sets the latents of what is. Contexts are those of `rows.data`.
    ///
    /// - Parameters:
    ///   - isGiven: whether each of ``positions`` is given.
    ///   - temperature: standard deviation `τ` of the latents.
    ///   - choose: called after each given position, whose density the weights have by then; returns the row that is to be
    ///     continued in the place of each, or nil to go on with all. It resets the weights itself.
    /// - Throws: ``FlowError/cancelled``, asked for before each position.
    package func run(
        _ rows: inout Rows, isGiven: [Bool], temperature: Double, isCancelled: () -> Bool,
        choose: (_ position: Int, _ logWeights: inout [Double]) -> [Int]?
    ) throws {
        let count = rows.data.rows
        precondition(isGiven.count == positions.count && rows.logWeights.count == count)
        var scratch = Scratch()
        for map in before {
            map.reserve(&scratch)
            map.forward(&rows.data, &scratch)
        }
        let stepper = map.stepper(rows: count)
        var terms = [Double](repeating: 0, count: count)
        for position in positions.indices {
            if isCancelled() { throw FlowError.cancelled }
            stepper.step(
                position, isGiven: isGiven[position], data: &rows.data, latents: &rows.latents, logDerivatives: &terms)
            guard isGiven[position] else { continue }
            for r in 0..<count {
                for d in positions[position] {
                    let z = Double(rows.latents.elements[r * rows.latents.stride + d])
                    terms[r] += normalLogDensity(z, standardDeviation: temperature)
                }
                rows.logWeights[r] += terms[r]
            }
            guard let choice = choose(position, &rows.logWeights) else { continue }
            for (to, from) in choice.enumerated() where to != from {
                rows.data.copyRow(from, to: to)
                rows.latents.copyRow(from, to: to)
                stepper.copyRow(from, to: to, data: rows.data)
            }
        }
        for map in before.reversed() { try map.inverse(&rows.data, &scratch, isCancelled: isCancelled) }
    }
}

extension RowTile {
    /// Makes row `to` the same as row `from`, its context too.
    mutating func copyRow(_ from: Int, to: Int) {
        for j in 0..<dims { elements[to * stride + j] = elements[from * stride + j] }
        for k in 0..<contextDims { context[to * contextDims + k] = context[from * contextDims + k] }
    }
}
