/// Kernels on whole arrays. A span of a struct's array holds on to the whole struct, so that two arrays of one workspace could
/// not be read and written side by side; arrays can.
extension Kernels {
    /// Multiplies matrices that stand in whole arrays, as ``product(_:_:_:_:lanes:count:depth:bias:biasOffset:start:c:_:)`` does
    /// in spans.
    package func product(
        _ a: [Float], _ pa: Operand, _ b: [Float], _ pb: Operand, lanes: Int, count: Int, depth: Int,
        bias: [Float]? = nil, biasOffset: Int = 0, start: ProductStart = .zero, c: inout [Float], _ pc: Operand
    ) {
        var span = c.mutableSpan
        if let bias {
            product(
                a.span, pa, b.span, pb, lanes: lanes, count: count, depth: depth, bias: bias.span,
                biasOffset: biasOffset, start: start, c: &span, pc)
        } else {
            product(
                a.span, pa, b.span, pb, lanes: lanes, count: count, depth: depth, start: start, c: &span, pc)
        }
    }

    /// Multiplies with a panel of weights as ``product(_:at:_:_:count:depth:bias:biasOffset:start:c:_:)`` does in spans.
    package func product(
        _ weights: PanelWeights, at offset: Int, _ b: [Float], _ pb: Operand, count: Int, depth: Int, bias: [Float]?,
        biasOffset: Int, start: ProductStart, c: inout [Float], _ pc: Operand
    ) {
        var span = c.mutableSpan
        if let bias {
            product(
                weights, at: offset, b.span, pb, count: count, depth: depth, bias: bias.span, biasOffset: biasOffset,
                start: start, c: &span, pc)
        } else {
            product(weights, at: offset, b.span, pb, count: count, depth: depth, start: start, c: &span, pc)
        }
    }

    /// Applies an activation in place, `x = f(x)`, over `rows` runs of `columns` elements, `stride` apart.
    package func activate(_ f: Activation, x: inout [Float], offset: Int, rows: Int, columns: Int, stride: Int) {
        var span = x.mutableSpan
        activate(f, x: &span, offset: offset, rows: rows, columns: columns, stride: stride)
    }

    /// Applies an activation, `y = f(x)`, to `count` elements from each offset on.
    package func activate(
        _ f: Activation, from x: [Float], _ xOffset: Int, to y: inout [Float], _ yOffset: Int, count: Int
    ) {
        var span = y.mutableSpan
        activate(f, from: x.span, xOffset, to: &span, yOffset, count: count)
    }
}
