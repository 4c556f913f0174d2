import FlowCore
import FlowKernels
import Glibc
import System

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

    /// Moments of the gradient of one parameter array, and the average of its weights: of what no mask holds at zero, row after row.
    struct Moments: Sendable, Equatable {
        /// Name and shape of the array.
        var info: ParameterInfo
        /// Moving average of the gradient.
        var first: [Float]
        /// Moving average of the gradient's square.
        var second: [Float]
        /// Moving average of the weights.
        var average: [Float]
    }

    /// Number of steps that were taken.
    private(set) var steps = 0
    /// Moments of each parameter array, in visiting order.
    var moments: [Moments]

    init(flow: some Parametrized) {
        moments = []
        var flow = flow
        flow.visitParameters { info, weights in
            let zeros = [Float](repeating: 0, count: info.liveCount)
            moments.append(Moments(info: info, first: zeros, second: zeros, average: info.live(of: weights)))
        }
    }

    init(steps: Int, moments: [Moments]) {
        self.steps = steps
        self.moments = moments
    }

    /// Averages of all weights, whole arrays in visiting order.
    var averages: [[Float]] { moments.map { $0.info.whole(of: $0.average) } }

    /// Settings of one step.
    struct Settings {
        var learningRate: Double
        /// Largest Euclidean norm of the gradient; 0 turns clipping off.
        var clipNorm: Double
        var weightDecay: Double
        var averageDecay: Double
        /// Factor of the learning rate of each parameter array, in visiting order; empty for 1 everywhere.
        var factors: [Double] = []
    }

    /// Takes one step against `gradient`, whose arrays are the flow's. Nothing happens when it is not finite.
    mutating func step<Flow: Parametrized>(
        _ flow: inout Flow, gradient: BatchGradient, settings: Settings, threads: Int
    ) {
        guard gradient.norm.isFinite else { return }

        steps += 1
        let step = settings.learningRate / (1 - pow(Self.firstDecay, Double(steps)))
        var coefficients = AdamCoefficients(
            firstRate: Float(1 - Self.firstDecay), secondRate: Float(1 - Self.secondDecay),
            step: Float(step),
            secondScale: Float(1 / (1 - pow(Self.secondDecay, Double(steps))).squareRoot()),
            epsilon: Float(Self.epsilon),
            gradientScale: settings.clipNorm > 0 ? Float(min(1, settings.clipNorm / gradient.norm)) : 1,
            keep: 1,
            averageDecay: Float(Self.averageDecay(settings.averageDecay, step: steps)))
        var p = 0
        flow.visitParameters { info, weights in
            defer { p += 1 }
            let factor = settings.factors.isEmpty ? 1 : settings.factors[p]
            // with factor 0 the average, too, stays what it is: rounding would move it
            if info.isFixed || factor == 0 { return }
            let decay = factor * settings.learningRate * settings.weightDecay
            coefficients.step = Float(factor * step)
            coefficients.keep = info.shape.count > 1 ? Float(1 - decay) : 1
            let blocks = gradient.blocks.filter { $0.parameter == p }
            let own = gradient.offsets[p]..<gradient.offsets[p] + weights.count
            Self.update(
                coefficients, blocks, gradient: gradient.values.span.extracting(own), weights: &weights,
                moments: &moments[p], threads: threads)
        }
    }

    /// Measures a step by updating copies of one array after another, and drops them.
    func secondsOfStep(
        of flow: some Parametrized, gradient: BatchGradient, _ work: WorkMeasurement, threads: Int
    ) -> Double {
        let coefficients = AdamCoefficients(
            firstRate: 0.1, secondRate: 0.001, step: 0, secondScale: 1, epsilon: Float(Self.epsilon), gradientScale: 1,
            keep: 1, averageDecay: 0.999)
        var seconds = 0.0
        for (p, weights) in flow.parameters().enumerated() where !moments[p].info.isFixed {
            var (weights, own) = (weights, moments[p])
            let blocks = gradient.blocks.filter { $0.parameter == p }
            let range = gradient.offsets[p]..<gradient.offsets[p] + weights.count
            seconds += work.secondsAgain {
                Self.update(
                    coefficients, blocks, gradient: gradient.values.span.extracting(range), weights: &weights,
                    moments: &own, threads: threads)
            }
        }
        return seconds
    }

    /// Returns the decay of the weights' moving average in step `step`, counted from 1.
    static func averageDecay(_ decay: Double, step: Int) -> Double {
        min(decay, Double(1 + step) / Double(10 + step))
    }

    /// Updates one parameter array, but for elements that a mask holds at zero: they have no gradient, and stay zero with their
    /// moments.
    private static func update(
        _ coefficients: AdamCoefficients, _ blocks: [ParameterBlock], gradient: Span<Float>, weights: inout [Float],
        moments: inout Moments, threads: Int
    ) {
        // Tasks write disjoint ranges of the arrays, which spans cannot yet express across threads.
        unsafe gradient.withUnsafeBufferPointer { gradient in
            unsafe weights.withUnsafeMutableBufferPointer { weights in
                unsafe moments.first.withUnsafeMutableBufferPointer { first in
                    unsafe moments.second.withUnsafeMutableBufferPointer { second in
                        unsafe moments.average.withUnsafeMutableBufferPointer { average in
                            inParallel(blocks.count, threads: threads) { b in
                                let (range, own) = (blocks[b].elements, blocks[b].live)
                                let g = unsafe gradient.extracting(range).span
                                var w = unsafe weights.extracting(range).mutableSpan
                                var m = unsafe first.extracting(own).mutableSpan
                                var v = unsafe second.extracting(own).mutableSpan
                                var a = unsafe average.extracting(own).mutableSpan
                                blocks[b].forEachLiveRun { run, before in
                                    Kernels.best.adamStep(
                                        coefficients, gradient: g, first: &m, second: &v, weights: &w, average: &a,
                                        range: run, at: before)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
