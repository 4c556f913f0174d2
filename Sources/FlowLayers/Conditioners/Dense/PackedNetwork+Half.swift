import FlowCore
import FlowKernels

/// Hidden layers in bfloat16. What enters a product is rounded once, as soon as it is known; sums stay in single precision.
extension PackedNetwork {
    /// Rounds context and key, side by side, into `halfFront`; returns how far apart the rows stand.
    func roundInputs(_ tile: borrowing RowTile, _ key: Operand, _ buffers: inout DenseBuffers) -> Int {
        let inputs = layers[0].inputs
        let width = rowStride(inputs)
        if shape.contextDims > 0 {
            Kernels.best.roundBF16(
                tile.context, Operand(step: 1, stride: shape.contextDims), to: &buffers.halfFront,
                Operand(step: 1, stride: width), rows: tile.rows, columns: shape.contextDims)
        }
        Kernels.best.roundBF16(
            tile.elements, key, to: &buffers.halfFront, Operand(offset: shape.contextDims, step: 1, stride: width),
            rows: tile.rows, columns: inputs - shape.contextDims, zero: inputs % 2 == 1)
        return width
    }

    /// Computes one layer, from `halfFront`, its rows `stride` apart, to what the next one reads, and to the value's place where it
    /// is kept as it is.
    func hiddenLayerHalf(_ k: Int, _ rows: Int, _ stride: Int, _ buffers: inout DenseBuffers) {
        let (layer, step) = (layers[k], plan.steps[k])
        let width = rowStride(layer.outputs)
        let lanes = PackedLinear.lanes
        if let sum = step.sum {
            let start = placeSkip(step, rows * width, &buffers)
            for p in layer.panels.indices {
                layer.forwardHalf(
                    panel: p, rows: rows, x: buffers.halfFront, stride: stride, start: start, c: &buffers.sums,
                    Operand(offset: sumOffset(sum) + p * lanes, step: width))
            }
            if step.isActivated {
                activateSum(sum, rows * width, &buffers)
                round(buffers.back, 0, to: &buffers.halfBack, count: rows * width)
            } else {
                round(buffers.sums, sumOffset(sum), to: &buffers.halfBack, count: rows * width)
            }
        } else {
            for p in layer.panels.indices {
                layer.forwardHalf(
                    panel: p, rows: rows, x: buffers.halfFront, stride: stride, c: &buffers.panel, Operand(step: lanes))
                Kernels.best.activate(
                    activation, x: &buffers.panel, offset: 0, rows: 1, columns: rows * lanes, stride: rows * lanes)
                // empty lanes of the last panel give zeros
                Kernels.best.roundBF16(
                    buffers.panel, Operand(step: 1, stride: lanes), to: &buffers.halfBack,
                    Operand(offset: p * lanes, step: 1, stride: width), rows: rows, columns: lanes)
            }
        }
        swap(&buffers.halfFront, &buffers.halfBack)
    }

    private func round(_ x: [Float], _ offset: Int, to y: inout [UInt16], count: Int) {
        Kernels.best.roundBF16(
            x, Operand(offset: offset, step: 1), to: &y, Operand(step: 1), rows: 1, columns: count)
    }
}
