import FlowCore
import Glibc
import System

/// Completions by a Markov chain on latents, for flows that do not map dimension after dimension in one order.
///
/// A state is a latent `z` whose data are `(u, v)`: what is unknown, and something in the place of what is known, `k`. Its target is
///
///     p(u, k) · N(v; k, σ²)        whose marginal over u is p(u | k), whatever σ
///
/// Moves are proposed by `z' = √(1 − β²) z + β τ ε`, which keeps `N(0, τ²)`; so a move is accepted with the ratio of
///
///     p(u, k) · N(v; k, σ²) · |∂(u, v)/∂z| / N(z; 0, τ²)
///
/// `β` is adapted towards an acceptance of 0.3 over the first half of the moves, and stays in the second. Every eighth move has
/// `β = 1`, a draw that does not depend on the state, so that a chain does not stay where it began if there is a way out.
///
/// Source: Cannella, Soltani & Tarokh, *Projected Latent Markov Chain Monte Carlo* (2021), §3, arXiv:2007.06140; proposals
/// of Cotter et al., *MCMC Methods for Functions* (2013), §4, arXiv:1202.0709.
extension DensityEngine {
    /// Standard deviation `σ` of what stands in the place of the known, in units of the flow's input: about the spread of a pixel's
    /// logit. Any is right in the limit; with a smaller one moves have to be as small.
    private static let auxiliaryDeviation = 4.0
    /// First step size `β`.
    private static let firstStep = 0.1
    /// Fraction of accepted moves towards which the step size is adapted.
    private static let acceptance = 0.3
    /// Rate of adaption: change of `ln β` a move, over the distance from ``acceptance``.
    private static let adaptionRate = 0.1

    /// Number of moves of which one is a draw that does not depend on the state.
    private static let independentInterval = 8

    /// State of one chain.
    private struct Chain {
        let row: CompletionRow
        /// Input of the known pixels, `[D]`.
        let known: [Float]
        /// Latent, `[D]`.
        var latent: [Float]
        /// Unknown dimensions as the latent has them, and the known ones as they are, `[D]`.
        var input: [Float]
        /// Logarithm of the target over `N(z; 0, τ²)`, nats; −∞ where it is no number.
        var logRatio = -Double.infinity
        var step = DensityEngine.firstStep
        var accepted = 0
        var random: RandomStream

        /// Whether dimension `j` is known.
        func isKnown(_ j: Int, _ channels: Int) -> Bool { row.isKnown[j / channels] }

        /// Whether a move is a draw that does not depend on the state.
        private func isIndependent(_ move: Int) -> Bool { move % DensityEngine.independentInterval == 0 }

        /// Draws the latent that move number `move` proposes.
        mutating func proposal(_ move: Int) -> [Float] {
            let step = isIndependent(move) ? 1 : step
            let kept = (1 - step * step).squareRoot()
            let deviation = step * Double(row.temperature)
            return latent.map { Float(kept * Double($0) + deviation * Double(random.normal())) }
        }

        /// Accepts a proposal or not, and adapts the step size in the first half of the moves.
        mutating func take(_ latent: [Float], _ input: [Float], _ logRatio: Double, _ move: Int) {
            let difference = logRatio - self.logRatio
            let isAccepted = log(Double(random.uniform())) < difference
            if isAccepted {
                (self.latent, self.input, self.logRatio) = (latent, input, logRatio)
                accepted += 1
            }
            if move <= row.moves / 2, !isIndependent(move) {
                let excess = (isAccepted ? 1 : 0) - DensityEngine.acceptance
                step = min(1, step * exp(DensityEngine.adaptionRate * excess))
            }
        }

        /// Starts at a draw whose known pixels are put in their places: its data are what is known, so that its ratio is 1.
        mutating func start(_ latent: [Float], _ input: [Float], isFinite: Bool) {
            (self.latent, self.input, logRatio) = (latent, input, isFinite ? 0 : -.infinity)
        }
    }

    /// Draws completions by chains, as many moves of each as its row has.
    func chains(_ rows: [CompletionRow], isCancelled: () -> Bool) throws -> [CompletedImage?] {
        for row in rows { try checkNeeded(row.classIndex) }
        return try rows.count.blocks(of: tileRows).flatMap { block in
            var chains = rows[block].map { row in
                let known = row.knownInput(preprocessing)
                return Chain(
                    row: row, known: known, latent: row.latent(0, dims: flow.dims), input: known, random: row.choices)
            }
            let moves = chains.reduce(0) { max($0, $1.row.moves) }
            for move in 0...moves { try advance(&chains, move, isCancelled) }
            var images = try completedImages(
                chains.map {
                    $0.logRatio.isFinite
                        ? DrawnPoint(
                            row: $0.row, input: $0.input, latent: nil, classIndex: $0.row.classIndex) : nil
                }, isCancelled)
            for (i, chain) in chains.enumerated() {
                images[i]?.acceptance = Double(chain.accepted) / Double(chain.row.moves)
            }
            return images
        }
    }

    /// Proposes move number `move` of every chain that has as many, and accepts it or not; number 0 is the state to begin with.
    private func advance(_ chains: inout [Chain], _ move: Int, _ isCancelled: () -> Bool) throws {
        let (dims, channels) = (flow.dims, shape.channels)
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        var proposed: [[Float]] = []
        for i in chains.indices {
            proposed.append(move == 0 ? chains[i].latent : chains[i].proposal(move))
            workspace.buffers.setInput(i, proposed[i])
            workspace.buffers.setClass(i, chains[i].row.classIndex)
        }
        try workspace.buffers.inverse(flow, rows: chains.count, isCancelled: isCancelled)
        var (inputs, logRatios): ([[Float]], [Double]) = ([], [])
        for (i, chain) in chains.enumerated() {
            var input = Array(workspace.buffers.output[i * dims..<(i + 1) * dims])
            var logRatio = Double(workspace.buffers.flowLogDets[i]) - tempered(proposed[i], chain.row.temperature)
            for j in 0..<dims where chain.isKnown(j, channels) {
                let distance = (Double(input[j]) - Double(chain.known[j])) / Self.auxiliaryDeviation
                logRatio -= 0.5 * distance * distance
                input[j] = chain.known[j]
            }
            inputs.append(input.allSatisfy(\.isFinite) ? input : chain.known)
            logRatios.append(input.allSatisfy(\.isFinite) ? logRatio : -.infinity)
            workspace.buffers.setInput(i, inputs[i])
        }
        if isCancelled() { throw FlowError.cancelled }
        try workspace.buffers.forward(flow, rows: chains.count)
        for i in chains.indices where move <= chains[i].row.moves {
            let latent = Array(workspace.buffers.output[i * dims..<(i + 1) * dims])
            let logRatio =
                logRatios[i] + tempered(latent, chains[i].row.temperature) + Double(workspace.buffers.flowLogDets[i])
            if move == 0 {
                chains[i].start(latent, inputs[i], isFinite: logRatio.isFinite && latent.allSatisfy(\.isFinite))
            } else {
                chains[i].take(proposed[i], inputs[i], logRatio, move)
            }
        }
    }

    /// `log N(z; 0, τ²)` but for a constant, nats.
    private func tempered(_ z: [Float], _ temperature: Float) -> Double {
        z.reduce(0.0) { $0 - 0.5 * Double($1) * Double($1) } / (Double(temperature) * Double(temperature))
    }
}
