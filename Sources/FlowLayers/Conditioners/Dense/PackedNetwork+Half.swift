import FlowCore
import FlowKernels

extension PackedNetwork {
    /// All maps but the last, in bfloat16: from the key to `halfFront`. What enters a product is rounded once, as soon as
    /// it is known; sums and the residual stream stay in single precision.
    func hiddenLayersHalf(_ tile: borrowing RowTile, _ key: Operand, _ buffers: inout DenseBuffers) {
        let rows = tile.rows
        var width = readInputs(tile, key, &buffers)
        if shape.isResidual {
            let inner = rowStride(shape.hidden[0])
            addMap(0, rows, buffers.halfFront, width, start: .zero, &buffers.front)
            for i in stride(from: 1, to: layers.count - 1, by: 2) {
                // all rows with their padding, in one run
                Kernels.best.activate(
                    shape.activation, from: buffers.front, 0, to: &buffers.back, 0, count: rows * inner)
                roundAll(buffers.back, rows * inner, &buffers.halfFront)
                hiddenMap(i, rows, buffers.halfFront, inner, panel: &buffers.panel, &buffers.halfBack)
                addMap(i + 1, rows, buffers.halfBack, inner, start: .accumulate, &buffers.front)
            }
            roundAll(buffers.front, rows * inner, &buffers.halfFront)
            return
        }
        for i in 0..<layers.count - 1 {
            hiddenMap(i, rows, buffers.halfFront, width, panel: &buffers.panel, &buffers.halfBack)
            swap(&buffers.halfFront, &buffers.halfBack)
            width = rowStride(shape.hidden[i])
        }
    }

    /// Context and key side by side in `halfFront`; returns how far apart the rows stand.
    private func readInputs(_ tile: borrowing RowTile, _ key: Operand, _ buffers: inout DenseBuffers) -> Int {
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

    private func roundAll(_ x: [Float], _ count: Int, _ y: inout [UInt16]) {
        Kernels.best.roundBF16(x, Operand(step: 1), to: &y, Operand(step: 1), rows: 1, columns: count)
    }

    /// One map with the activation behind it, panel by panel; empty lanes of the last panel give zeros.
    private func hiddenMap(
        _ i: Int, _ rows: Int, _ x: [UInt16], _ stride: Int, panel: inout [Float], _ y: inout [UInt16]
    ) {
        let width = rowStride(shape.hidden[i])
        let lanes = PackedLinear.lanes
        for p in layers[i].panels.indices {
            layers[i].forwardHalf(panel: p, rows: rows, x: x, stride: stride, c: &panel, Operand(step: lanes))
            Kernels.best.activate(
                shape.activation, x: &panel, offset: 0, rows: 1, columns: rows * lanes, stride: rows * lanes)
            Kernels.best.roundBF16(
                panel, Operand(step: 1, stride: lanes), to: &y, Operand(offset: p * lanes, step: 1, stride: width),
                rows: rows, columns: lanes)
        }
    }

    /// One map to the residual stream.
    private func addMap(
        _ i: Int, _ rows: Int, _ x: [UInt16], _ stride: Int, start: ProductStart, _ y: inout [Float]
    ) {
        let width = rowStride(shape.hidden[i])
        for p in layers[i].panels.indices {
            layers[i].forwardHalf(
                panel: p, rows: rows, x: x, stride: stride, start: start, c: &y,
                Operand(offset: p * PackedLinear.lanes, step: width))
        }
    }
}
