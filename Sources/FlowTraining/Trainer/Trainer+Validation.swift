import DataSets
import FlowCore
import FlowModels
import System

extension Trainer {
    /// Computes the log-densities of the validation images under the averaged weights, summed over each slice of
    /// ``validationRows`` images, nats. It ends early, but not before one slice a thread, when the training time is up.
    /// - Returns: the sums, in the order of the images; nil when it was interrupted.
    /// - Throws: what the passes throw.
    func validate(_ isInterrupted: () -> Bool) throws -> [Double]? {
        let (engine, noise) = validationEngines()
        let slices = validation.data.count.blocks(of: validationRows)
        var sums: [Double] = []
        for together in slices.count.blocks(of: threads) {
            if isInterrupted() { return nil }
            if !sums.isEmpty, let end = endOfValidation, secondsNow >= end { break }
            sums += try sumLogProbs(together.map { slices[$0] }, engine, noise)
        }
        return sums
    }

    /// Packs the averaged weights.
    func validationEngines() -> (engine: FlowEngine, noise: NoiseSource) {
        var averaged = fitted
        averaged.setParameters(optimizer.averages)
        return (
            FlowEngine(averaged.flow), averaged.dequantizer.map { .learned(FlowEngine($0.map)) } ?? .uniform
        )
    }

    /// Computes sums of log-densities of validation images, nats, a slice a task.
    /// - Throws: what the passes throw.
    func sumLogProbs(_ slices: [Range<Int>], _ engine: FlowEngine, _ noise: NoiseSource) throws -> [Double] {
        try mapInParallel(slices.count, threads: threads) { s in
            let rows = try validation.validation(slices[s], noise: noise)
            let (z, logDet) = try engine.forward(rows.x, context: rows.context)
            return heldOutLogProbs(rows.logProbs(z: z, logDet: logDet)).reduce(0, +)
        }
    }

    /// Whether an epoch is better than another, by the validation or, in a distillation, by the divergence. Where time cut one of two
    /// validations short, the images count that both had.
    ///
    /// A divergence is measured with samples of its own in every step, which no flow knows by heart. And a flow that is near its
    /// teacher where the teacher's mass is may be anywhere at an image that is not of the teacher's kind.
    func isBetter(_ point: CurvePoint, _ best: CurvePoint, _ sums: [Double]) -> Bool {
        switch goal {
        case .likelihood:
            guard let before = progress.bestValidation, before.count != sums.count else {
                return point.validationBitsPerDim < best.validationBitsPerDim
            }
            return isBetterInCommon(sums, than: before)
        case .divergence: return point.trainBitsPerDim < best.trainBitsPerDim
        }
    }

    /// Returns log-densities of held-out images, nats, made finite in a distillation. A distilled flow never saw such images, and far
    /// from what it draws its solve can overflow: that is no divergence of its training, and counts as ``leastLogProb``.
    package func heldOutLogProbs(_ logProbs: [Double]) -> [Double] {
        goal == .divergence ? logProbs.map { $0.isFinite ? $0 : leastLogProb } : logProbs
    }
}

/// Whether log-densities, summed over slices of the same images, are higher in those slices that both have.
package func isBetterInCommon(_ sums: [Double], than others: [Double]) -> Bool {
    let common = min(sums.count, others.count)
    return sums.prefix(common).reduce(0, +) > others.prefix(common).reduce(0, +)
}

/// Log-density that stands for an overflow, nats: less than that of any latent that single precision holds, down to −1e77 a
/// dimension.
private let leastLogProb = -1e90
