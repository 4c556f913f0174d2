import FlowCore
import FlowKernels
import FlowModels
import FlowTraining
import System

/// Comparison of the memory that a training will need with what there is, before anything large is allocated.
struct MemoryPlan {
    /// Most bytes, as an option says; nil for what the machine has available.
    var limit: Int?
    /// Whether the training begins with a checkpoint.
    var isResumed: Bool
    /// What makes the flow smaller.
    var smaller: String
    /// Whether `--reversible` is an option for such a training.
    var allowsReversible: Bool
    var threads: Int

    /// Estimates the memory that the training will need.
    ///
    /// - Parameters:
    ///   - elements: count of numbers in the arrays of flow and dequantizer.
    ///   - live: count of those that no mask holds at zero.
    /// - Throws: ``CommandError`` when that is more than there is, with what would need less.
    func estimate<Flow: FlowArchitecture>(
        _: Flow.Type, _ sizes: Sizes, _ dequantizer: Sizes?, elements: Int, live: Int, _ shape: EventShape,
        _ options: TrainingOptions, images: Int
    ) throws -> MemoryEstimate {
        // what reading the images has left is used again
        releaseFreedMemory()
        let base = residentMemory() ?? 0
        let available = limit ?? memoryLimit(resident: base) ?? Int.max
        func refuse(_ estimate: MemoryEstimate, _ advice: String) throws {
            guard estimate.total > available else { return }
            throw CommandError(
                "the training needs about \(estimate.words); \(limit == nil ? "available" : "--max-memory") is "
                    + "\(grouped(available >> 20)). \(advice)")
        }
        let fixed = MemoryEstimate.parameters(elements: elements, live: live, base: base, isResumed: isResumed)
        try refuse(
            fixed,
            base > available ? "Fewer images (--limit) need less" : "Only \(smaller) needs less, whatever the batch")
        let flow = try Flow(shape: shape, sizes: sizes, seed: nil)
        let learned = try dequantizer.map { try Dequantizer(shape: shape, sizes: $0, seed: nil) }
        func estimate(_ options: TrainingOptions) -> MemoryEstimate {
            fixed.adding(flow, dequantizer: learned, options: options, images: images, threads: threads)
        }
        let whole = estimate(options)
        if whole.total > available {
            let ways = waysToNeedLess(flow, options, images: images) { estimate($0).total <= available }
            try refuse(
                whole, ways.isEmpty ? "Only \(smaller) needs less" : ways.joined(separator: ", or ") + ", needs no more"
            )
        }
        return whole
    }

    /// Options with which the training fits, by what they are.
    private func waysToNeedLess(
        _ flow: some FlowArchitecture, _ options: TrainingOptions, images: Int, fits: (TrainingOptions) -> Bool
    ) -> [String] {
        var ways: [String] = []
        let batch = min(options.batch, images)
        var rows = options.accumulatedBatch == 0 ? batch : min(batch, options.accumulatedBatch)
        var divided = options
        while rows > 1 {
            rows /= 2
            divided.accumulatedBatch = rows
            if fits(divided) {
                ways.append("--accumulate \(rows)")
                break
            }
        }
        var reversed = options
        reversed.reversible = true
        let isParallel = flow.forwardOrder == .parallel && flow.inverseOrder == .parallel
        if allowsReversible, !options.reversible, options.dropout == 0, isParallel, fits(reversed) {
            ways.append("--reversible")
        }
        return ways
    }
}

extension MemoryEstimate {
    /// Words for the memory, in MiB: the whole, and its parts, which add up to it.
    var words: String {
        func mebibytes(_ bytes: Int) -> Int { (bytes + 1 << 20 - 1) >> 20 }
        let isStep = tapes >= betweenSteps
        let last = mebibytes(max(tapes, betweenSteps))
        let (program, weights) = (mebibytes(base), mebibytes(parameters))
        return "\(grouped(program + weights + last)) MiB: \(grouped(program)) for the program and the images, "
            + "\(grouped(weights)) for weights, averages and gradient, \(grouped(last)) for "
            + (isStep ? "the activations of a step" : "the weights once more, at the beginning or the end")
    }
}
