import FlowCore
import FlowKernels

/// A conditioner and the transforms that it steers, packed.
///
/// Outputs stand in groups of 16 dimensions, a group in as many panels as it takes at two parameters each: parameter `j` of
/// dimension `i` of a group is lane `16 (j mod 2) + i` of panel `⌊j/2⌋`. So a vector holds one parameter of as many
/// dimensions as it has lanes, as the element-wise kernels want it; a group reads no further than 16 dimensions do, close to
/// the diagonal; and an affine map's shifts and log-scales fill one panel. Shifts alone leave the upper half of a panel empty.
struct PackedNetwork: Sendable {
    /// Dimensions of a group.
    static let groupDims = 16

    let layers: [PackedLinear]
    let precision: WeightPrecision
    let shape: ConditionerShape
    let transform: UnivariateTransform
    /// Panels of a group.
    let groupPanels: Int
    /// Dimensions that the map moves.
    let transformed: Int
    /// Whether the last dimension of an event is the first of the key, and of what is transformed.
    let reversed: Bool

    init(
        _ conditioner: Conditioner, _ precision: WeightPrecision, transform: UnivariateTransform, transformed: Int,
        reversed: Bool = false
    ) {
        let parameters = transform.parameterCount
        let order = stride(from: 0, to: transformed, by: Self.groupDims).flatMap { first -> [[Int?]] in
            let rising = Array(first..<min(first + Self.groupDims, transformed))
            // lanes follow the dimensions in memory
            let dims = reversed ? rising.reversed() : rising
            let empty = [Int?](repeating: nil, count: Self.groupDims - dims.count)
            let units = (0..<parameters).map { j in dims.map { parameters * $0 + j } + empty }
            return stride(from: 0, to: parameters, by: 2).map { j in
                units[j] + (j + 1 < parameters ? units[j + 1] : [])
            }
        }
        layers = conditioner.layers.enumerated().map { i, layer in
            PackedLinear(layer, precision, order: i == conditioner.layers.count - 1 ? order : nil)
        }
        self.precision = precision
        shape = conditioner.shape
        self.transform = transform
        groupPanels = (parameters + 1) / 2
        self.transformed = transformed
        self.reversed = reversed
    }

    var multiplyAdds: Int { layers.reduce(0) { $0 + $1.multiplyAdds } }

    /// Reserves what a full tile needs.
    func reserve(_ buffers: inout DenseBuffers) {
        let rows = RowTile.capacity
        let width = rowStride(shape.hidden.max() ?? 0)
        buffers.panel.reserveZeros(rows * PackedLinear.lanes * groupPanels)
        if precision == .f32 || shape.isResidual {
            buffers.front.reserveZeros(rows * width)
            buffers.back.reserveZeros(rows * width)
            buffers.branch.reserveZeros(rows * width)
        }
        if precision == .bf16 {
            let width = max(width, rowStride(layers[0].inputs))
            buffers.halfFront.reserveZeros(rows * width)
            buffers.halfBack.reserveZeros(rows * width)
        }
    }

    /// The transforms or their inverses on every row of the tile, given the whole key.
    ///
    /// - Parameters:
    ///   - key: where input `k` of row `r` stands in the tile.
    ///   - target: where transformed dimension `i` of row `r` stands; a step of 1 or 2.
    func apply(inverse: Bool, _ tile: inout RowTile, key: Operand, target: Operand, _ buffers: inout DenseBuffers) {
        let rows = tile.rows
        switch precision {
        case .f32: hiddenLayers(tile, key, &buffers)
        case .bf16: hiddenLayersHalf(tile, key, &buffers)
        }
        let output = layers[layers.count - 1]
        let width = rowStride(shape.hidden[shape.hidden.count - 1])
        let parameterStride = groupPanels * PackedLinear.lanes
        for group in 0..<output.panels.count / groupPanels {
            for place in 0..<groupPanels {
                let p = group * groupPanels + place
                let panel = Operand(offset: place * PackedLinear.lanes, step: parameterStride)
                switch precision {
                case .f32:
                    output.forward(
                        panel: p, rows: rows, context: tile.context, contextDims: 0, x: buffers.front,
                        key: Operand(step: 1, stride: width), c: &buffers.panel, panel)
                case .bf16:
                    output.forwardHalf(
                        panel: p, rows: rows, x: buffers.halfFront, stride: width, c: &buffers.panel, panel)
                }
            }
            let first = group * Self.groupDims
            let dims = min(Self.groupDims, transformed - first)
            let offset = reversed ? target.offset - first - dims + 1 : target.offset + first * target.stepStride
            Kernels.best.transform(
                transform, inverse: inverse, parameters: buffers.panel, parameterStride: parameterStride, rows: rows,
                dims: dims, x: &tile.elements, offset: offset, stride: tile.stride, step: target.stepStride,
                logDet: &tile.logDet)
        }
    }

    /// All maps but the last, in single precision: from the key to `front`.
    private func hiddenLayers(_ tile: borrowing RowTile, _ key: Operand, _ buffers: inout DenseBuffers) {
        let rows = tile.rows
        var width = rowStride(shape.hidden[0])
        hiddenLayer(0, rows, tile.context, tile.elements, key, activated: !shape.isResidual, &buffers.front)
        if shape.isResidual {
            for i in stride(from: 1, to: layers.count - 1, by: 2) {
                let input = Operand(step: 1, stride: width)
                // all rows with their padding, in one run
                Kernels.best.activate(
                    shape.activation, from: buffers.front, 0, to: &buffers.back, 0, count: rows * width)
                hiddenLayer(i, rows, tile.context, buffers.back, input, activated: true, &buffers.branch)
                hiddenLayer(
                    i + 1, rows, tile.context, buffers.branch, input, activated: false, start: .accumulate,
                    &buffers.front)
            }
        } else {
            for i in 1..<layers.count - 1 {
                let input = Operand(step: 1, stride: width)
                hiddenLayer(i, rows, tile.context, buffers.front, input, activated: true, &buffers.back)
                swap(&buffers.front, &buffers.back)
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
