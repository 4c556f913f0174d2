import FlowCore
import FlowKernels

/// The gradient of the loss of a batch, the mean over its rows of what a step lowers, nats per dimension.
///
/// The rows are shared out over the threads for the passes through the flow, the parameters for the gradient itself. Its
/// sums over rows are chains in the order of the rows, so that threads do not change a bit; and there is one gradient,
/// however many threads.
struct BatchGradient: Sendable {
    let blocks: [ParameterBlock]
    /// Where each parameter array begins in ``values``, in visiting order.
    let offsets: [Int]
    /// All arrays, one after another.
    private(set) var values: [Float]
    /// Euclidean norm of the whole gradient.
    private(set) var norm = 0.0

    init(infos: [ParameterInfo]) {
        blocks = ParameterBlock.covering(infos)
        var count = 0
        offsets = infos.map { info in
            defer { count += info.shape.reduce(1, *) }
            return count
        }
        values = Array(repeating: 0, count: count)
    }

    /// Computes the gradient of a batch of `rows` rows.
    ///
    /// - Parameters:
    ///   - atATime: rows whose tapes are in memory at a time.
    ///   - pass: some rows of the batch, each with the given weight in the loss, through the flow and back; called on several
    ///     threads.
    /// - Returns: the values that `pass` returned, one a row.
    mutating func compute<Flow: Bijection>(
        of flow: Flow, rows: Int, atATime: Int, threads: Int,
        pass: (Range<Int>, Float) throws -> (values: [Double], tape: Flow.Tape)
    ) throws -> [Double] {
        let weight = 1 / (Float(rows) * Float(flow.dims))
        var values: [Double] = []
        for first in stride(from: 0, to: rows, by: atATime) {
            values += try add(
                of: flow, first..<min(first + atATime, rows), accumulate: first > 0, threads: threads,
                pass: { try pass($0, weight) })
        }
        return values
    }

    /// The gradient of some rows, or adds it to what is there.
    private mutating func add<Flow: Bijection>(
        of flow: Flow, _ rows: Range<Int>, accumulate: Bool, threads: Int,
        pass: (Range<Int>) throws -> (values: [Double], tape: Flow.Tape)
    ) throws -> [Double] {
        let share = (rows.count + threads - 1) / threads
        let part = (share + partRows - 1) / partRows * partRows
        let parts = stride(from: rows.lowerBound, to: rows.upperBound, by: part).map {
            $0..<min($0 + part, rows.upperBound)
        }
        let passes = try mapInParallel(parts.count, threads: threads) { try pass(parts[$0]) }
        var gradients: [ParameterGradient] = []
        flow.visitGradients(of: passes.map(\.tape)) { gradients.append($0) }
        set(gradients, accumulate: accumulate, threads: threads)
        return passes.flatMap(\.values)
    }

    /// Sets the values from `gradients`, one for each array in visiting order, or adds those to them, and sets the norm.
    mutating func set(_ gradients: [ParameterGradient], accumulate: Bool = false, threads: Int) {
        var squares = [Double](repeating: 0, count: blocks.count)
        // Tasks write disjoint ranges of the arrays, which spans cannot yet express across threads.
        unsafe values.withUnsafeMutableBufferPointer { values in
            unsafe squares.withUnsafeMutableBufferPointer { squares in
                inParallel(blocks.count, threads: threads) { b in
                    let block = blocks[b]
                    let offset = offsets[block.parameter]
                    let range = offset + block.elements.lowerBound..<offset + block.elements.upperBound
                    var span = unsafe values.extracting(range).mutableSpan
                    if accumulate {
                        var part = [Float](repeating: 0, count: span.count)
                        var partSpan = part.mutableSpan
                        gradients[block.parameter].compute(block.rows, &partSpan)
                        for i in 0..<span.count { span[i] += partSpan[i] }
                    } else {
                        gradients[block.parameter].compute(block.rows, &span)
                    }
                    var sum = 0.0
                    block.forEachLiveRun { sum += Kernels.best.sumOfSquares(span.span, range: $0) }
                    unsafe squares[b] = sum
                }
            }
        }
        norm = squares.reduce(0, +).squareRoot()
    }
}
