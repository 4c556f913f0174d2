import FlowCore
import Glibc

/// Adam with decoupled weight decay and clipping by global norm, and the moving average of the weights that is updated
/// in the same sweep.
///
/// Source: Kingma & Ba, *Adam* (2015), algorithm 1, arXiv:1412.6980; weight decay as Loshchilov & Hutter, *Decoupled
/// Weight Decay Regularization* (2019), algorithm 2, arXiv:1711.05101, on matrices only; the average's decay rises as
/// `min(decay, (1 + t)/(10 + t))`, so that the initial weights do not linger in it.
struct Adam: Sendable, Equatable {
    static let firstDecay = 0.9
    static let secondDecay = 0.999
    static let epsilon = 1e-8

    /// What is remembered of one parameter array.
    struct Memory: Sendable, Equatable {
        var info: ParameterInfo
        /// Moving averages of the gradient, of its square, and of the weights.
        var first: [Float]
        var second: [Float]
        var average: [Float]
    }

    /// Steps taken.
    private(set) var steps = 0
    var memory: [Memory]

    init(flow: some Bijection) {
        memory = []
        var flow = flow
        flow.visitParameters { info, weights in
            let zeros = [Float](repeating: 0, count: weights.count)
            memory.append(Memory(info: info, first: zeros, second: zeros, average: weights))
        }
    }

    init(steps: Int, memory: [Memory]) {
        self.steps = steps
        self.memory = memory
    }

    /// Settings of one step.
    struct Settings {
        var learningRate: Double
        /// 0: no clipping.
        var clipNorm: Double
        var weightDecay: Double
        var averageDecay: Double
    }

    /// One step against the sum over `parts` of the gradients `parts[s]`, arrays in the flow's visiting order.
    /// - Returns: the Euclidean norm of that sum before clipping. When it is not finite nothing else happened.
    mutating func step<Flow: Bijection>(
        _ flow: inout Flow, parts: [[[Float]]], settings: Settings, threads: Int
    ) -> Double {
        // by parameter, then by part
        let gradients = memory.indices.map { p in parts.map { $0[p] } }
        let norm = Self.norm(of: gradients, threads: threads)
        guard norm.isFinite else { return norm }

        steps += 1
        let rate = settings.learningRate
        var coefficients = AdamCoefficients(
            firstRate: Float(1 - Self.firstDecay), secondRate: Float(1 - Self.secondDecay),
            step: Float(rate / (1 - pow(Self.firstDecay, Double(steps)))),
            secondScale: Float(1 / (1 - pow(Self.secondDecay, Double(steps))).squareRoot()),
            epsilon: Float(Self.epsilon),
            gradientScale: settings.clipNorm > 0 ? Float(min(1, settings.clipNorm / norm)) : 1,
            keep: 1,
            averageDecay: Float(Self.averageDecay(settings.averageDecay, step: steps)))
        var p = 0
        flow.visitParameters { info, weights in
            coefficients.keep = info.shape.count > 1 ? Float(1 - rate * settings.weightDecay) : 1
            Self.update(coefficients, gradient: gradients[p], weights: &weights, memory: &memory[p], threads: threads)
            p += 1
        }
        return norm
    }

    /// Decay of the weights' moving average in step `step`, counted from 1.
    static func averageDecay(_ decay: Double, step: Int) -> Double {
        min(decay, Double(1 + step) / Double(10 + step))
    }

    /// Values a task: six arrays of them fit in a second-level cache.
    private static let block = 4096

    /// Sums blocks in a fixed order, so that threads do not change the bits.
    private static func norm(of gradients: [[[Float]]], threads: Int) -> Double {
        var blocks: [(parameter: Int, range: Range<Int>)] = []
        for (p, parts) in gradients.enumerated() {
            let count = parts[0].count
            for start in stride(from: 0, to: count, by: block) {
                blocks.append((p, start..<min(start + block, count)))
            }
        }
        var squares = [Double](repeating: 0, count: blocks.count)
        unsafe squares.withUnsafeMutableBufferPointer { squares in
            inParallel(blocks.count, threads: threads) { b in
                let (p, range) = blocks[b]
                unsafe squares[b] = withScratch(range.count) { scratch in
                    sumParts(gradients[p], offset: range.lowerBound, sum: &scratch)
                    return sumOfSquares(scratch.span)
                }
            }
        }
        return squares.reduce(0, +).squareRoot()
    }

    private static func update(
        _ coefficients: AdamCoefficients, gradient: [[Float]], weights: inout [Float], memory: inout Memory,
        threads: Int
    ) {
        let count = weights.count
        let blocks = (count + block - 1) / block
        // Tasks write disjoint ranges of the arrays, which spans cannot yet express across threads.
        unsafe weights.withUnsafeMutableBufferPointer { weights in
            unsafe memory.first.withUnsafeMutableBufferPointer { first in
                unsafe memory.second.withUnsafeMutableBufferPointer { second in
                    unsafe memory.average.withUnsafeMutableBufferPointer { average in
                        inParallel(blocks, threads: threads) { b in
                            let range = b * block..<min((b + 1) * block, count)
                            var w = unsafe weights.extracting(range).mutableSpan
                            var m = unsafe first.extracting(range).mutableSpan
                            var v = unsafe second.extracting(range).mutableSpan
                            var a = unsafe average.extracting(range).mutableSpan
                            withScratch(range.count) { g in
                                sumParts(gradient, offset: range.lowerBound, sum: &g)
                                adamStep(coefficients, gradient: &g, first: &m, second: &v, weights: &w, average: &a)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func withScratch<Result>(_ count: Int, _ body: (inout MutableSpan<Float>) -> Result) -> Result {
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { buffer in
            unsafe buffer.initialize(repeating: 0)
            var span = unsafe buffer.mutableSpan
            return body(&span)
        }
    }
}
