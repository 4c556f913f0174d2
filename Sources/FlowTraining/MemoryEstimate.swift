public import FlowCore
public import FlowModels

/// What a training will need, before it starts; bytes.
public struct MemoryEstimate: Sendable, Equatable {
    /// Weights, both moments, the moving average, the best weights so far and the gradient.
    public var parameters: Int
    /// The images.
    public var data: Int
    /// What the passes of a step remember: of all the flow, or of the largest stage with reversible steps; and of a dequantizer.
    public var tapes: Int

    public var total: Int { parameters + data + tapes }

    /// - Parameters:
    ///   - parameters: numbers in the flow's arrays.
    ///   - images: to train and to validate.
    public static func parameters(_ parameters: Int, images: Int, dims: Int) -> MemoryEstimate {
        MemoryEstimate(parameters: 6 * 4 * parameters, data: images * dims, tapes: 0)
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
