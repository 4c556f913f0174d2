import FlowCore
import FlowKernels

/// A conditioner and the affine map that it steers, packed: `z = x · exp(s) + t` with `(t, s)` a function of the key.
///
/// An output panel holds 16 dimensions: their shifts in lanes 0 to 15, their log-scales in lanes 16 to 31.
struct PackedAffineNetwork: Sendable {
    /// Dimensions of one output panel.
    static let panelDims = 16

    let layers: [PackedLinear]
    let precision: WeightPrecision
    let shape: ConditionerShape
    let bound: Float
    /// Dimensions that the map moves.
    let transformed: Int
    /// Whether the last dimension of an event is the first of the key, and of what is transformed.
    let reversed: Bool

    init(
        _ conditioner: Conditioner, _ precision: WeightPrecision, bound: Float, transformed: Int, reversed: Bool = false
    ) {
        let order = stride(from: 0, to: transformed, by: Self.panelDims).map { first -> [Int?] in
            let rising = Array(first..<min(first + Self.panelDims, transformed))
            // lanes follow the dimensions in memory
            let dims = reversed ? rising.reversed() : rising
            let empty = [Int?](repeating: nil, count: Self.panelDims - dims.count)
            return dims.map { 2 * $0 } + empty + dims.map { 2 * $0 + 1 } + empty
        }
        layers = conditioner.layers.enumerated().map { i, layer in
            PackedLinear(layer, precision, order: i == conditioner.layers.count - 1 ? order : nil)
        }
        self.precision = precision
        shape = conditioner.shape
        self.bound = bound
        self.transformed = transformed
        self.reversed = reversed
    }

    var multiplyAdds: Int { layers.reduce(0) { $0 + $1.multiplyAdds } }

    var scratchSizes: ScratchSizes {
        var sizes = ScratchSizes()
        let widest = shape.hidden.max() ?? 0
        switch precision {
        case .f32:
            sizes.widest = widest
        case .bf16:
            sizes.widest = shape.isResidual ? widest : 0
            sizes.widestHalf = max(widest, layers[0].inputs)
        }
        return sizes
    }

    /// The affine map or its inverse on every row of the tile, given the whole key.
    ///
    /// - Parameters:
    ///   - key: where input `k` of row `r` stands in the tile.
    ///   - target: where transformed dimension `i` of row `r` stands; a step of 1 or 2.
    func apply(inverse: Bool, _ tile: inout RowTile, key: Operand, target: Operand, _ scratch: inout Scratch) {
        let rows = tile.rows
        switch precision {
        case .f32: hiddenLayers(tile, key, &scratch)
        case .bf16: hiddenLayersHalf(tile, key, &scratch)
        }
        let output = layers[layers.count - 1]
        let width = rowStride(shape.hidden[shape.hidden.count - 1])
        let panel = Operand(step: PackedLinear.lanes)
        for p in output.panels.indices {
            switch precision {
            case .f32:
                output.forward(
                    panel: p, rows: rows, context: tile.context, contextDims: 0, x: scratch.front,
                    key: Operand(step: 1, stride: width), c: &scratch.panel, panel)
            case .bf16:
                output.forwardHalf(
                    panel: p, rows: rows, x: scratch.halfFront, stride: width, c: &scratch.panel, panel)
            }
            let first = p * Self.panelDims
            let dims = min(Self.panelDims, transformed - first)
            let offset = reversed ? target.offset - first - dims + 1 : target.offset + first * target.stepStride
            if inverse {
                Kernels.best.affineInverse(
                    parameters: scratch.panel, bound: bound, rows: rows, dims: dims, x: &tile.elements, offset: offset,
                    stride: tile.stride, step: target.stepStride, logDet: &tile.logDet)
            } else {
                Kernels.best.affineForward(
                    parameters: scratch.panel, bound: bound, rows: rows, dims: dims, x: &tile.elements, offset: offset,
                    stride: tile.stride, step: target.stepStride, logDet: &tile.logDet)
            }
        }
    }

    /// All maps but the last, in single precision: from the key to `front`.
    private func hiddenLayers(_ tile: borrowing RowTile, _ key: Operand, _ scratch: inout Scratch) {
        let rows = tile.rows
        var width = rowStride(shape.hidden[0])
        hiddenLayer(0, rows, tile.context, tile.elements, key, activated: !shape.isResidual, &scratch.front)
        if shape.isResidual {
            for i in stride(from: 1, to: layers.count - 1, by: 2) {
                let input = Operand(step: 1, stride: width)
                // all rows with their padding, in one run
                Kernels.best.activate(
                    shape.activation, from: scratch.front, 0, to: &scratch.back, 0, count: rows * width)
                hiddenLayer(i, rows, tile.context, scratch.back, input, activated: true, &scratch.branch)
                hiddenLayer(
                    i + 1, rows, tile.context, scratch.branch, input, activated: false, start: .accumulate,
                    &scratch.front)
            }
        } else {
            for i in 1..<layers.count - 1 {
                let input = Operand(step: 1, stride: width)
                hiddenLayer(i, rows, tile.context, scratch.front, input, activated: true, &scratch.back)
                swap(&scratch.front, &scratch.back)
                width = rowStride(shape.hidden[i])
            }
        }
    }

    /// One map to a hidden layer, panel by panel, with the activation while the panel is in the cache.
    private func hiddenLayer(
        _ i: Int, _ rows: Int, _ context: [Float], _ x: [Float], _ key: Operand, activated: Bool,
        start: ProductStart = .zero, _ y: inout [Float]
    ) {
        let width = rowStride(shape.hidden[i])
        for p in layers[i].panels.indices {
            let lanes = p * PackedLinear.lanes
            layers[i].forward(
                panel: p, rows: rows, context: context, contextDims: i == 0 ? shape.contextDims : 0, x: x, key: key,
                start: start, c: &y, Operand(offset: lanes, step: width))
            if activated {
                Kernels.best.activate(
                    shape.activation, x: &y, offset: lanes, rows: rows, columns: PackedLinear.lanes, stride: width)
            }
        }
    }
}
