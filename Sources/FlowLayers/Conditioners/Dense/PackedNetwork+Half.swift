import FlowCore
import FlowKernels

extension PackedNetwork {
    /// All maps but the last, in bfloat16: from the key to `halfFront`. What enters a product is rounded once, as soon as
    /// it is known; sums and the residual stream stay in single precision.
    func hiddenLayersHalf(_ tile: borrowing RowTile, _ key: Operand, _ scratch: inout Scratch) {
        let rows = tile.rows
        var width = readInputs(tile, key, &scratch)
        if shape.isResidual {
            let inner = rowStride(shape.hidden[0])
            addMap(0, rows, scratch.halfFront, width, start: .zero, &scratch.front)
            for i in stride(from: 1, to: layers.count - 1, by: 2) {
                // all rows with their padding, in one run
                Kernels.best.activate(
                    shape.activation, from: scratch.front, 0, to: &scratch.back, 0, count: rows * inner)
                roundAll(scratch.back, rows * inner, &scratch.halfFront)
                hiddenMap(i, rows, scratch.halfFront, inner, panel: &scratch.panel, &scratch.halfBack)
                addMap(i + 1, rows, scratch.halfBack, inner, start: .accumulate, &scratch.front)
            }
            roundAll(scratch.front, rows * inner, &scratch.halfFront)
            return
        }
        for i in 0..<layers.count - 1 {
            hiddenMap(i, rows, scratch.halfFront, width, panel: &scratch.panel, &scratch.halfBack)
            swap(&scratch.halfFront, &scratch.halfBack)
            width = rowStride(shape.hidden[i])
        }
    }

    /// Context and key side by side in `halfFront`; returns how far apart the rows stand.
    private func readInputs(_ tile: borrowing RowTile, _ key: Operand, _ scratch: inout Scratch) -> Int {
        let inputs = layers[0].inputs
        let width = rowStride(inputs)
        if shape.contextDims > 0 {
            Kernels.best.roundBF16(
                tile.context, Operand(step: 1, stride: shape.contextDims), to: &scratch.halfFront,
                Operand(step: 1, stride: width), rows: tile.rows, columns: shape.contextDims)
        }
        Kernels.best.roundBF16(
            tile.elements, key, to: &scratch.halfFront, Operand(offset: shape.contextDims, step: 1, stride: width),
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
