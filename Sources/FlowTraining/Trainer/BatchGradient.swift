import FlowCore
import FlowKernels
import FlowModels
import System

/// Gradient of the loss of a batch, `−Σ log p(y)/(D · rows)`, nats per dimension; with variational dequantization of
/// `−Σ [log p(y) − log q(u | x)]/(D · rows)`.
///
/// The threads divide the rows among them for the passes through the flow, and the parameters for the gradient itself. Its sums
/// over rows are chains in the order of the rows, so that threads do not change a bit; and there is one gradient, however many
/// threads.
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

    /// Computes the gradient of a batch of `rows` rows.
    ///
    /// - Parameters:
    ///   - atATime: rows whose tapes are in memory at a time.
    ///   - pass: takes some rows of the batch, each with the given weight in the loss, through the flow and back; called on several
    ///     threads.
    /// - Returns: the values that `pass` returned, one a row.
    /// - Throws: what `pass` throws.
    mutating func compute<Map: Parametrized>(
        of map: Map, rows: Int, atATime: Int, threads: Int,
        pass: (Range<Int>, Float) throws -> (values: [Double], tape: Map.Tape)
    ) throws -> [Double] {
        let weight = 1 / (Float(rows) * Float(map.dims))
        var values: [Double] = []
        for block in rows.blocks(of: atATime) {
            let parts = Self.parts(of: block, threads: threads, by: map.partRows)
            let passes = try mapInParallel(parts.count, threads: threads) { try pass(parts[$0], weight) }
            var gradients: [ParameterGradient] = []
            map.visitGradients(of: passes.map(\.tape)) { gradients.append($0) }
            set(gradients, accumulate: block.lowerBound > 0, threads: threads)
            values += passes.flatMap(\.values)
        }
        return values
    }

    /// Computes the gradient of a batch of `rows` rows with the tapes of one stage of the flow in memory at a time. From the last
    /// stage on, each one's input is computed again from its output, so its inverse has to be parallel.
    ///
    /// Source: Gomez et al., *The Reversible Residual Network* (2017), §3.2, arXiv:1707.04585.
    /// - Parameters:
    ///   - atATime: rows whose tapes are in memory at a time.
    ///   - load: prepares some rows of the batch; called on several threads.
    /// - Returns: `log p(y)` of each row, less `log q(u | x)` of a dequantizer; nats.
    /// - Throws: what `load` throws, and the passes through the flow.
    mutating func computeReversing<Flow: Bijection>(
        of fitted: Fitted<Flow>, rows: Int, atATime: Int, threads: Int, load: (Range<Int>) throws -> PreparedRows
    ) throws -> [Double] {
        let weight = 1 / (Float(rows) * Float(fitted.dims))
        let engine = FlowEngine(fitted.flow)
        var logProbs: [Double] = []
        for block in rows.blocks(of: atATime) {
            let parts = Self.parts(of: block, threads: threads, by: fitted.partRows)
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
                end = try addStage(stage, &returning, end: end, accumulate: block.lowerBound > 0, threads: threads)
            }
            if let dequantizer = fitted.dequantizer {
                let back = returning
                let tapes = try mapInParallel(back.count, threads: threads) { p in
                    var noise = back[p].noise
                    noise?.backward(back[p].cotangent.dz, weight: weight)
                    return noise?.tape
                }.compactMap { $0 }
                var gradients: [ParameterGradient] = []
                dequantizer.visitGradients(of: tapes) { gradients.append($0) }
                set(gradients, from: firstOfDequantizer, accumulate: block.lowerBound > 0, threads: threads)
            }
            logProbs += returning.flatMap(\.logProbs)
        }
        return logProbs
    }

    /// Divides rows among the threads, cut where the gradient allows it: by multiples of `partRows`.
    static func parts(of rows: Range<Int>, threads: Int, by partRows: Int) -> [Range<Int>] {
        let even = (rows.count + threads - 1) / threads
        let part = (even + partRows - 1) / partRows * partRows
        return Array(rows.blocks(of: part))
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
    /// - Parameter end: number of the first parameter array behind the stage's own.
    /// - Returns: the number of the stage's first parameter array.
    /// - Throws: what the stage's passes throw.
    private mutating func addStage<Stage: Bijection>(
        _ stage: Stage, _ returning: inout [Returning], end: Int, accumulate: Bool, threads: Int
    ) throws -> Int {
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
        var gradients: [ParameterGradient] = []
        stage.visitGradients(of: passes.map(\.tape)) { gradients.append($0) }
        set(gradients, from: end - gradients.count, accumulate: accumulate, threads: threads)
        return end - gradients.count
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
                    block.forEachLiveRun { sum += Kernels.best.sumOfSquares(span.span, range: $0) }
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
