import FlowCore
import FlowKernels

/// The weights of a ``TriangularLinear`` as the product kernel reads them: panels of 32 output units, each `[reads, 32]`
/// and only as deep as its last unit reaches. A class, so that passing it on counts one reference, not six.
final class PackedLinear: Sendable {
    static let lanes = 32

    struct Panel {
        /// Where its weights begin, in single precision and in bfloat16.
        var offset: Int
        var halfOffset: Int
        /// Inputs that its units read, the last unit all of them.
        var reads: Int
    }

    let inputs: Int
    let outputs: Int
    let panels: [Panel]
    /// As rounded to bfloat16, if they are.
    let weights: [Float]
    /// The same in bfloat16, panels of `[pairs of reads, 32, 2]`; empty in single precision.
    let halfWeights: [UInt16]
    /// `[panels, 32]`.
    let biases: [Float]
    /// Where each unit stands: `panel · 32 + lane`.
    let slots: [Int]
    let reach: [Int]

    /// - Parameter order: the units of each panel lane by lane, nil for a lane that stays empty; rising without it.
    init(_ linear: TriangularLinear, _ precision: WeightPrecision, order: [[Int?]]? = nil) {
        let order = order ?? Array(0..<linear.outputs).map(Optional.some).chunks(of: Self.lanes)
        // steps side by side in memory
        let together = precision == .bf16 ? 2 : 1
        var panels: [Panel] = []
        var packed: [Float] = []
        var weightCount = 0
        var biases: [Float] = []
        var slots = [Int](repeating: 0, count: linear.outputs)
        for (p, units) in order.enumerated() {
            let reads = units.compactMap { $0.map { linear.reach[$0] } }.max() ?? 0
            panels.append(Panel(offset: weightCount, halfOffset: packed.count, reads: reads))
            weightCount += reads * Self.lanes
            for lane in 0..<Self.lanes {
                let unit = lane < units.count ? units[lane] : nil
                biases.append(unit.map { linear.biases[$0] } ?? 0)
                if let unit { slots[unit] = p * Self.lanes + lane }
            }
            for first in stride(from: 0, to: reads, by: together) {
                for lane in 0..<Self.lanes {
                    let unit = lane < units.count ? units[lane] : nil
                    for k in first..<first + together {
                        packed.append(k < reads ? unit.map { linear.weights[$0 * linear.inputs + k] } ?? 0 : 0)
                    }
                }
            }
        }
        switch precision {
        case .f32:
            weights = packed
            halfWeights = []
        case .bf16:
            (weights, halfWeights) = Self.rounded(packed, panels, weightCount)
        }
        inputs = linear.inputs
        outputs = linear.outputs
        (self.panels, self.biases, self.slots) = (panels, biases, slots)
        reach = linear.reach
    }

    private static func rounded(
        _ packed: [Float], _ panels: [Panel], _ weightCount: Int
    ) -> (weights: [Float], halfWeights: [UInt16]) {
        var weights = [Float](repeating: 0, count: weightCount)
        var halves = [UInt16](repeating: 0, count: packed.count)
        if !packed.isEmpty {
            Kernels.best.roundBF16(
                packed, Operand(step: 1), to: &halves, Operand(step: 1), rows: 1, columns: packed.count)
        }
        for panel in panels {
            Kernels.best.widenBF16(halves, panel.halfOffset, steps: panel.reads, to: &weights, panel.offset)
        }
        return (weights, halves)
    }

    /// Weights within reach.
    var multiplyAdds: Int { reach.reduce(0, +) }

    /// Panel `p` for `rows` rows of inputs, row-major: `c[r, lane] = start + bias + Σ w · x[r]`. The first `contextDims`
    /// inputs are the context's, the rest are read from `x` as `key` says.
    func forward(
        panel p: Int, rows: Int, context: [Float], contextDims: Int, x: [Float], key: Operand,
        start: ProductStart = .zero, c: inout [Float], _ pc: Operand
    ) {
        let panel = panels[p]
        let given = min(contextDims, panel.reads)
        var start = start
        var offset = panel.offset
        if given > 0 {
            Kernels.best.product(
                weights, Operand(offset: offset, step: Self.lanes), context,
                Operand(step: 1, stride: contextDims), lanes: Self.lanes, count: rows, depth: given,
                bias: biases, biasOffset: p * Self.lanes, start: start, c: &c, pc)
            if given == panel.reads { return }
            start = .accumulate
            offset += given * Self.lanes
        }
        Kernels.best.product(
            weights, Operand(offset: offset, step: Self.lanes), x, key, lanes: Self.lanes, count: rows,
            depth: panel.reads - given, bias: given > 0 ? nil : biases, biasOffset: p * Self.lanes, start: start,
            c: &c, pc)
    }

    /// The same in bfloat16: `x` has all inputs, rows `stride` apart.
    func forwardHalf(
        panel p: Int, rows: Int, x: [UInt16], stride: Int, start: ProductStart = .zero, c: inout [Float], _ pc: Operand
    ) {
        Kernels.best.productBF16(
            halfWeights, panels[p].halfOffset, x, Operand(step: 1, stride: stride), count: rows, steps: panels[p].reads,
            bias: biases, biasOffset: p * Self.lanes, start: start, c: &c, pc)
    }
}

extension Array {
    /// Runs of `size` elements, the last as long as what is left.
    fileprivate func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
