import FlowCore
import FlowKernels

/// The weights of a ``TriangularLinear`` as the product kernel reads them: panels of 32 output units, each `[reads, 32]`
/// and only as deep as its last unit reaches. A class, so that passing it on counts one reference, not six.
final class PackedLinear: Sendable {
    /// Number of units of a panel.
    static let lanes = 32

    /// Up to 32 output units.
    struct Panel {
        /// Index of the first weight.
        var offset: Int
        /// Number of inputs that the units read, the last unit all of them.
        var reads: Int
    }

    let inputs: Int
    let outputs: Int
    let panels: [Panel]
    let weights: PanelWeights
    /// Biases of the units, `[panels, 32]`.
    let biases: [Float]
    /// Place of each unit: `panel · 32 + lane`.
    let slots: [Int]
    /// Number of inputs that each unit reads, `[outputs]`.
    let reach: [Int]

    /// - Parameter order: the units of each panel lane by lane, nil for a lane that stays empty; rising without it.
    init(_ linear: TriangularLinear, _ precision: WeightPrecision, order: [[Int?]]? = nil) {
        let order = order ?? Array(0..<linear.outputs).map(Optional.some).chunks(of: Self.lanes)
        // bfloat16 has steps in pairs, side by side
        let together = precision == .bf16 ? 2 : 1
        var panels: [Panel] = []
        var packed: [Float] = []
        var biases: [Float] = []
        var slots = [Int](repeating: 0, count: linear.outputs)
        for (p, units) in order.enumerated() {
            let reads = units.compactMap { $0.map { linear.reach[$0] } }.max() ?? 0
            panels.append(Panel(offset: packed.count, reads: reads))
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
            weights = PanelWeights(single: packed)
        case .bf16:
            var halves = [UInt16](repeating: 0, count: packed.count)
            if !packed.isEmpty {
                Kernels.best.roundBF16(
                    packed, Operand(step: 1), to: &halves, Operand(step: 1), rows: 1, columns: packed.count)
            }
            weights = PanelWeights(bf16: halves)
        }
        inputs = linear.inputs
        outputs = linear.outputs
        (self.panels, self.biases, self.slots) = (panels, biases, slots)
        reach = linear.reach
    }

    /// Number of multiply-adds of a row: the weights within reach.
    var multiplyAdds: Int { reach.reduce(0, +) }

    /// Computes panel `p` for `rows` rows of inputs, row-major: `c[r, lane] = start + bias + Σ w · x[r]`. The first `contextDims`
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
                weights, at: offset, context, Operand(step: 1, stride: contextDims), count: rows, depth: given,
                bias: biases, biasOffset: p * Self.lanes, start: start, c: &c, pc)
            if given == panel.reads { return }
            start = .accumulate
            offset += given * Self.lanes
        }
        Kernels.best.product(
            weights, at: offset, x, key, count: rows, depth: panel.reads - given, bias: given > 0 ? nil : biases,
            biasOffset: p * Self.lanes, start: start, c: &c, pc)
    }

    /// Computes panel `p` in bfloat16 for `rows` rows of inputs: `x` has all inputs, the context's included, rows `stride` apart.
    func forwardHalf(
        panel p: Int, rows: Int, x: [UInt16], stride: Int, start: ProductStart = .zero, c: inout [Float], _ pc: Operand
    ) {
        Kernels.best.productBF16(
            weights.bf16, panels[p].offset, x, Operand(step: 1, stride: stride), count: rows, steps: panels[p].reads,
            bias: biases, biasOffset: p * Self.lanes, start: start, c: &c, pc)
    }
}

extension Array {
    /// Cuts the array into runs of `size` elements, the last as long as what is left.
    fileprivate func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
