public import FlowCore
public import FlowModels

/// What a training will take, before it starts; bytes.
public struct MemoryEstimate: Sendable, Equatable {
    /// What the process has already: the program, and the images.
    public var base: Int
    /// Weights, both moments, the moving average, the best weights so far and the gradient.
    public var parameters: Int
    /// What the passes of a step remember: of all the flow, or of the largest stage with reversible steps; and of a dequantizer.
    public var tapes: Int
    /// What is there only when no step is under way: at the end the weights as they are rounded for the file, and both as the kernels
    /// read them; or at the beginning all arrays of a checkpoint that is read.
    public var betweenSteps: Int

    /// At any time.
    public var total: Int { base + parameters + max(tapes, betweenSteps) }

    /// - Parameters:
    ///   - parameters: numbers in the flow's arrays.
    ///   - isResumed: whether it begins with a checkpoint.
    public static func parameters(_ parameters: Int, base: Int, isResumed: Bool = false) -> MemoryEstimate {
        let array = 4 * parameters
        return MemoryEstimate(
            base: base, parameters: 6 * array, tapes: 0, betweenSteps: (isResumed ? 5 : 3) * array)
    }

    /// The same with the tapes of a step.
    public func adding(
        _ flow: some Bijection, dequantizer: Dequantizer? = nil, options: TrainingOptions, threads: Int
    ) -> MemoryEstimate {
        let rows =
            options.accumulatedBatch == 0 ? options.batch : min(options.batch, options.accumulatedBatch)
        let partRows = max(flow.partRows, dequantizer?.partRows ?? 1)
        let parts = BatchGradient.parts(of: 0..<rows, threads: threads, by: partRows)
        let ofStages = flow.stages.map { stage in parts.reduce(0) { $0 + stage.tapeBytes(rows: $1.count) } }
        var estimate = self
        estimate.tapes = options.reversible ? ofStages.max() ?? 0 : ofStages.reduce(0, +)
        if let dequantizer {
            estimate.tapes += parts.reduce(0) {
                $0 + dequantizer.map.tapeBytes(rows: $1.count) + NoisePass.bytes(rows: $1.count, dims: dequantizer.dims)
            }
        }
        return estimate
    }
}
