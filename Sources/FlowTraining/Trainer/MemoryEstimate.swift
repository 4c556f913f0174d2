public import FlowCore
public import FlowModels

/// Estimate of the memory that a training will take, bytes, made before it starts.
public struct MemoryEstimate: Sendable, Equatable {
    /// Bytes that the process has already: the program, and the images.
    public var base: Int
    /// Bytes of weights, both moments, the moving average, the best weights so far and the gradient.
    public var parameters: Int
    /// Bytes of the tapes of a step: those of all the flow, or of its largest stage with reversible steps, and of a dequantizer.
    public var tapes: Int
    /// Bytes of what is there only when no step is under way: at the end the weights as they are rounded for the file, and both as
    /// the kernels read them; or at the beginning all arrays of a checkpoint that is read.
    public var betweenSteps: Int

    /// Most bytes at any time.
    public var total: Int { base + parameters + max(tapes, betweenSteps) }

    package init(base: Int, parameters: Int, tapes: Int, betweenSteps: Int) {
        self.base = base
        self.parameters = parameters
        self.tapes = tapes
        self.betweenSteps = betweenSteps
    }

    /// Estimates the memory of a training without the tapes of its steps.
    ///
    /// Weights and gradient are whole arrays; the others, and a checkpoint's five, leave out what masks hold at zero.
    ///
    /// - Parameters:
    ///   - elements: count of numbers in the parameter arrays.
    ///   - live: count of those that no mask holds at zero.
    ///   - isResumed: whether it begins with a checkpoint, whose weights become whole arrays.
    public static func parameters(
        elements: Int, live: Int, base: Int, isResumed: Bool = false
    ) -> MemoryEstimate {
        let (whole, part) = (4 * elements, 4 * live)
        return MemoryEstimate(
            base: base, parameters: 2 * whole + 4 * part, tapes: 0,
            betweenSteps: isResumed ? max(3 * whole, whole + 5 * part) : 3 * whole)
    }

    /// Returns the estimate with the tapes of a step.
    /// - Parameter images: count of the images of an epoch, of which a step has no more.
    public func adding(
        _ flow: some Bijection, dequantizer: Dequantizer? = nil, options: TrainingOptions, images: Int = .max,
        threads: Int
    ) -> MemoryEstimate {
        let batch = BatchDivision(
            rows: options.largestStep(of: images), of: Fitted(flow: flow, dequantizer: dequantizer),
            atATime: options.accumulatedBatch, threads: threads)
        let stageBytes = flow.stages.map { stage in batch.largest.reduce(0) { $0 + stage.tapeBytes(rows: $1) } }
        var estimate = self
        estimate.tapes = options.reversible ? stageBytes.max() ?? 0 : stageBytes.reduce(0, +)
        if let dequantizer {
            estimate.tapes += batch.largest.reduce(0) {
                $0 + dequantizer.map.tapeBytes(rows: $1) + NoisePass.bytes(rows: $1, dims: dequantizer.dims)
            }
        }
        return estimate
    }
}
