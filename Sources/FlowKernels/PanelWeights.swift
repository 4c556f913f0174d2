import CFlowKernels

/// Weights in panels of 32 units, in one of three number formats; the others' arrays are empty.
package struct PanelWeights: Sendable {
    /// Panels in single precision, `[inputs][32]` each.
    package let single: [Float]
    /// Panels in half precision, `[inputs][32]` each.
    package let half: [UInt16]
    /// Panels in bfloat16, `[pairs of inputs][32][2]` each.
    package let bf16: [UInt16]
    /// Whether the weights are in bfloat16.
    let isBF16: Bool

    /// Weights in single precision, kept in half precision where that holds every one of them exactly, as it does those of a model
    /// file in half precision. Products have the same bits either way; of half as many bytes a row alone takes half the time.
    package init(single: [Float]) {
        let half = Kernels.best.float16(exactly: single)
        self.single = half == nil ? single : []
        self.half = half ?? []
        bf16 = []
        isBF16 = false
    }

    /// Weights in bfloat16.
    package init(bf16: [UInt16]) {
        single = []
        half = []
        self.bf16 = bf16
        isBF16 = true
    }

    /// Whether the weights are in single precision.
    var isSingle: Bool { half.isEmpty && !isBF16 }

    /// Number of elements of all panels, with those that only fill up a pair.
    package var count: Int { single.count + half.count + bf16.count }

    /// Returns the number of elements of a panel for `reads` inputs.
    package func panelCount(reads: Int) -> Int { isBF16 ? halfPanelCount(steps: reads) : 32 * reads }

    /// Returns whether a panel for `reads` inputs lies in the array.
    func holds(panelAt offset: Int, reads: Int) -> Bool {
        offset >= 0 && reads >= 0 && offset + panelCount(reads: reads) <= count
    }
}

extension Kernels {
    /// Number of weights by whose multiples they are rounded.
    private static let float16Run = 32

    /// Returns numbers in half precision; nil unless all are finite and exact there. Its plain twin is ``Reference/float16(exactly:)``.
    package func float16(exactly values: [Float]) -> [UInt16]? {
        let whole = values.count / Self.float16Run * Self.float16Run
        // most arrays are not: look at the first few, before there is memory for all
        guard values.prefix(Self.float16Run).allSatisfy({ Reference.float16(exactly: $0) != nil }) else { return nil }
        var isExact = true
        let halves = unsafe [UInt16](unsafeUninitializedCapacity: values.count) { halves, count in
            unsafe values.withUnsafeBufferPointer { values in
                if whole > 0 {
                    isExact = unsafe table.pointee.narrow_f16(values.baseAddress!, halves.baseAddress!, whole) != 0
                }
                for i in whole..<values.count {
                    let half = unsafe Reference.float16(exactly: values[i])
                    if half == nil { isExact = false }
                    unsafe halves.initializeElement(at: i, to: half ?? 0)
                }
            }
            count = values.count
        }
        return isExact ? halves : nil
    }

    /// Computes what ``product(_:_:_:_:lanes:count:depth:bias:biasOffset:start:c:_:)`` does, of a panel of 32 units that is not in
    /// bfloat16; the number format does not change a bit.
    /// - Parameter offset: index of the first weight.
    package func product(
        _ weights: PanelWeights, at offset: Int, _ b: Span<Float>, _ pb: Operand, count: Int, depth: Int,
        bias: Span<Float>? = nil, biasOffset: Int = 0, start: ProductStart = .zero,
        c: inout MutableSpan<Float>, _ pc: Operand
    ) {
        precondition(!weights.isBF16 && weights.holds(panelAt: offset, reads: depth))
        if weights.isSingle {
            product(
                weights.single.span, Operand(offset: offset, step: 32), b, pb, lanes: 32, count: count, depth: depth,
                bias: bias, biasOffset: biasOffset, start: start, c: &c, pc)
        } else {
            unsafe weights.half.withUnsafeBufferPointer { half in
                // In bounds by the precondition above.
                let panel = unsafe half.baseAddress! + offset
                unsafe product(
                    single: nil, half: panel, stride: 32, b, pb, lanes: 32, count: count, depth: depth, bias: bias,
                    biasOffset: biasOffset, start: start, c: &c, pc)
            }
        }
    }
}
