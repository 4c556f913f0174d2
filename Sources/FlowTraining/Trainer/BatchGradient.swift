import FlowCore
import FlowKernels
import FlowModels
import System

/// Gradient of the loss of a batch, `−Σ log p(y)/(D · rows)`, nats per dimension; with variational dequantization of
/// `−Σ [log p(y) − log q(u | x)]/(D · rows)`.
///
/// The threads divide the rows among them for the passes through the flow, and the parameters for the gradient itself. Its sums
/// over rows are chains in the order of the rows, which a ``BatchDivision`` tells, so that threads do not change a bit; and there is
/// one gradient, however many threads.
struct BatchGradient: Sendable {
    /// Blocks that cover every parameter array.
    let blocks: [ParameterBlock]
    /// Index in ``values`` at which each parameter array begins, in visiting order.
    let offsets: [Int]
    /// Gradients of all parameter arrays, one after another.
    private(set) var values: [Float]
    /// Sum of the gradient's squares in each block.
    private var squares: [Double]
    /// Euclidean norm of the whole gradient, nats per dimension.
    var norm: Double { squares.reduce(0, +).squareRoot() }

    init(infos: [ParameterInfo]) {
        blocks = ParameterBlock.covering(infos)
        var count = 0
        offsets = infos.map { info in
            defer { count += info.shape.reduce(1, *) }
            return count
        }
        values = Array(repeating: 0, count: count)
        squares = Array(repeating: 0, count: blocks.count)
    }

    /// Computes the gradient of a batch.
    ///
    /// - Parameter pass: takes some rows of the batch, each with the given weight in the loss, through the flow and back; called on
    ///   several threads.
    /// - Returns: the values that `pass` returned, one a row.
    /// - Throws: what `pass` throws.
    mutating func compute<Map: Parametrized>(
        of map: Map, _ batch: BatchDivision, threads: Int,
        pass: (Range<Int>, Float) throws -> (values: [Double], tape: Map.Tape)
    ) throws -> [Double] {
        let weight = 1 / (Float(batch.rows) * Float(map.dims))
        var values: [Double] = []
        for (b, block) in batch.blocks.enumerated() {
            let parts = block.flatMap { $0 }
            let passes = try mapInParallel(parts.count, threads: threads) { try pass(parts[$0], weight) }
            set(of: map, passes.map(\.tape), block, accumulate: b > 0, threads: threads)
            values += passes.flatMap(\.values)
        }
        return values
    }

    /// Computes the gradient of a batch with the tapes of one stage of the flow in memory at a time. From the last
    /// stage on, each one's input is computed again from its output, so its inverse has to be parallel.
    ///
    /// Source: Gomez et al., *The Reversible Residual Network* (2017), §3.2, arXiv:1707.04585.
    /// - Parameter load: prepares some rows of the batch; called on several threads.
    /// - Returns: `log p(y)` of each row, less `log q(u | x)` of a dequantizer; nats.
    /// - Throws: what `load` throws, and the passes through the flow.
    mutating func computeReversing<Flow: Bijection>(
        of fitted: Fitted<Flow>, _ batch: BatchDivision, threads: Int, load: (Range<Int>) throws -> PreparedRows
    ) throws -> [Double] {
        let weight = 1 / (Float(batch.rows) * Float(fitted.dims))
        let engine = FlowEngine(fitted.flow)
        var logProbs: [Double] = []
        for (b, block) in batch.blocks.enumerated() {
            let parts = block.flatMap { $0 }
            var returning = try mapInParallel(parts.count, threads: threads) { p in
                let rows = try load(parts[p])
                let (z, logDet) = try engine.forward(rows.x, context: rows.context)
                return Returning(
                    z: z, cotangent: Cotangent(ofLogProb: z, weight: weight), context: rows.context,
                    logProbs: rows.logProbs(z: z, logDet: logDet), noise: rows.noise)
            }
            var end = offsets.count - (fitted.dequantizer?.parameters().count ?? 0)
            let firstOfDequantizer = end
            for stage in fitted.flow.stages.reversed() {
                end -= stage.parameters().count
                try addStage(stage, &returning, block, from: end, accumulate: b > 0, threads: threads)
            }
            if let dequantizer = fitted.dequantizer {
                let back = returning
                let tapes = try mapInParallel(back.count, threads: threads) { p in
                    var noise = back[p].noise
                    noise?.backward(back[p].cotangent.dz, weight: weight)
                    return noise?.tape
                }.compactMap { $0 }
                set(of: dequantizer, tapes, block, from: firstOfDequantizer, accumulate: b > 0, threads: threads)
            }
            logProbs += returning.flatMap(\.logProbs)
        }
        return logProbs
    }

    /// Rows on their way back through the stages of a flow.
    private struct Returning: Sendable {
        /// Output of the stage that is next on the way back, `[rows, D]`.
        var z: Matrix
        /// Cotangent of that stage's output and log-determinant.
        var cotangent: Cotangent
        /// Classes as one-hot, `[rows, classes]`; nil without.
        let context: Matrix?
        /// `log p(y)` of each row, less `log q(u | x)` of a dequantizer; nats.
        let logProbs: [Double]
        /// Pass of a dequantizer, which waits for the gradient at the flow's input.
        let noise: NoisePass?
    }

    /// Takes the rows back through one stage, and sets the gradients of its parameters, or adds to them.
    /// - Parameter first: number of the stage's first parameter array.
    /// - Throws: what the stage's passes throw.
    private mutating func addStage<Stage: Bijection>(
        _ stage: Stage, _ returning: inout [Returning], _ chains: BatchDivision.Block, from first: Int,
        accumulate: Bool, threads: Int
    ) throws {
        let engine = FlowEngine(stage)
        let passes = try mapInParallel(returning.count, threads: threads) { p in
            var rows = returning[p]
            let context = stage.contextDims > 0 ? rows.context : nil
            rows.z = try engine.inverse(rows.z, context: context).x
            var tape = try stage.forwardTaped(rows.z, context: context).tape
            rows.cotangent.dz = stage.backward(rows.cotangent, through: &tape)
            return (rows: rows, tape: tape)
        }
        returning = passes.map(\.rows)
        set(of: stage, passes.map(\.tape), chains, from: first, accumulate: accumulate, threads: threads)
    }

    /// Sets the gradients of a map's parameter arrays, of which array `first` is the first one, or adds to them: chain after chain.
    /// - Parameter tapes: one for each part of the chains.
    private mutating func set<Map: Parametrized>(
        of map: Map, _ tapes: [Map.Tape], _ chains: BatchDivision.Block, from first: Int = 0, accumulate: Bool,
        threads: Int
    ) {
        var rest = tapes[...]
        for (c, chain) in chains.enumerated() {
            var gradients: [ParameterGradient] = []
            map.visitGradients(of: Array(rest.prefix(chain.count))) { gradients.append($0) }
            rest = rest.dropFirst(chain.count)
            set(gradients, from: first, accumulate: accumulate || c > 0, threads: threads)
        }
    }

    /// Sets the values to `gradients`, one for each array in visiting order from array `first` on, or adds these to them.
    mutating func set(
        _ gradients: [ParameterGradient], from first: Int = 0, accumulate: Bool = false, threads: Int
    ) {
        let own = blocks.indices.filter { (first..<first + gradients.count).contains(blocks[$0].parameter) }
        // Tasks write disjoint ranges of the arrays, which spans cannot yet express across threads.
        unsafe values.withUnsafeMutableBufferPointer { values in
            unsafe squares.withUnsafeMutableBufferPointer { squares in
                inParallel(own.count, threads: threads) { i in
                    let b = own[i]
                    let block = blocks[b]
                    let offset = offsets[block.parameter]
                    let range = offset + block.elements.lowerBound..<offset + block.elements.upperBound
                    var span = unsafe values.extracting(range).mutableSpan
                    if accumulate {
                        var part = [Float](repeating: 0, count: span.count)
                        var partSpan = part.mutableSpan
                        gradients[block.parameter - first].compute(block.rows, &partSpan)
                        for i in 0..<span.count { span[i] += partSpan[i] }
                    } else {
                        gradients[block.parameter - first].compute(block.rows, &span)
                    }
                    var sum = 0.0
                    block.forEachLiveRun { run, _ in sum += Kernels.best.sumOfSquares(span.span, range: run) }
                    unsafe squares[b] = sum
                }
            }
        }
    }
}

extension Cotangent {
    /// Makes the cotangent of the loss `−Σ weight · log p(y)` over rows, where `−log p(y)` is `½|z|² − logDet` and terms without
    /// weights.
    init(ofLogProb z: Matrix, weight: Float) {
        var dz = z
        for i in dz.elements.indices { dz.elements[i] *= weight }
        self.init(dz: dz, dLogDet: Array(repeating: -weight, count: z.rows))
    }
}
