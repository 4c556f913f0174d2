import FlowCore
import FlowKernels

/// A masked autoregressive map goes dimension after dimension where some are given.
extension PackedMaskedAutoregressive: SequentialMap {
    var positions: [Range<Int>]? {
        (0..<dims).map { position in
            let d = network.reversed ? dims - 1 - position : position
            return d..<d + 1
        }
    }

    var mostStepRows: Int { RowTile.capacity }

    func stepper(rows: Int) -> any SequentialStepper { DenseStepper(sequential, rows: rows) }
}

/// Solve of a masked autoregressive map, one dimension of all rows at a time.
private final class DenseStepper: SequentialStepper {
    private let solve: SequentialSolve
    private let rows: Int
    private var lanes: Int { (rows + 15) / 16 * 16 }
    private var scratch = SolveScratch()

    init(_ solve: SequentialSolve, rows: Int) {
        self.solve = solve
        self.rows = rows
        // new memory is zero, lanes without a row among it
        scratch.reserve(for: solve.plan, rows: rows)
    }

    func step(
        _ position: Int, isGiven: Bool, data: inout RowTile, latents: inout RowTile, logDerivatives: inout [Double]
    ) {
        let d = solve.reversed ? solve.transformed - 1 - position : position
        if position == 0 {
            for r in 0..<rows {
                for k in 0..<solve.contextDims {
                    scratch.known[k * lanes + r] = data.context[r * solve.contextDims + k]
                }
            }
        }
        for r in 0..<rows {
            let at = r * data.stride + d
            scratch.z[position * lanes + r] = isGiven ? data.elements[at] : latents.elements[at]
        }
        for l in 0..<lanes { scratch.logDet[l] = 0 }
        let first = position == 0 ? 0 : solve.positionEnds[position - 1]
        Kernels.best.solve(
            solve.plan, steps: first..<solve.positionEnds[position], rows: rows, isGiven: isGiven, &scratch)
        for r in 0..<rows {
            let at = r * data.stride + d
            let found = scratch.z[position * lanes + r]
            if isGiven { latents.elements[at] = found } else { data.elements[at] = found }
            logDerivatives[r] = isGiven ? Double(scratch.logDet[r]) : -Double(scratch.logDet[r])
        }
    }

    func copyRow(_ from: Int, to: Int, data: RowTile) { scratch.copyRow(from, to: to, of: rows, solve.plan) }
}
