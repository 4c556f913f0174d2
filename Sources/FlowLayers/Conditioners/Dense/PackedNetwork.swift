import FlowCore
import FlowKernels

/// A conditioner and the transforms that it gives parameters to, packed: an interpreter of its description, in single precision or
/// bfloat16.
///
/// Outputs stand in groups of 16 dimensions, a group in as many panels as it takes at two parameters each: parameter `j` of
/// dimension `i` of a group is lane `16 (j mod 2) + i` of panel `⌊j/2⌋`. So a vector holds one parameter of as many
/// dimensions as it has lanes, as the element-wise kernels want it; a group reads no further than 16 dimensions do, close to
/// the diagonal; and an affine map's shifts and log-scales fill one panel. Shifts alone leave the upper half of a panel empty.
struct PackedNetwork: Sendable {
    /// Number of dimensions of a group.
    static let groupDims = 16

    let layers: [PackedLinear]
    let precision: WeightPrecision
    let shape: ConditionerShape
    let plan: NetworkPlan
    let activation: Activation
    /// Number of elements from one place for sums to the next.
    private let place: Int
    let transform: UnivariateTransform
    /// Number of panels of a group.
    let groupPanels: Int
    /// Number of dimensions that are transformed.
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
        plan = NetworkPlan(conditioner.description)
        activation = conditioner.description.activation
        place = RowTile.capacity * rowStride(shape.hidden.max() ?? 0)
        self.transform = transform
        groupPanels = (parameters + 1) / 2
        self.transformed = transformed
        self.reversed = reversed
    }

    var multiplyAdds: Int { layers.reduce(0) { $0 + $1.multiplyAdds } }

    /// Reserves what a full tile needs.
    func reserve(_ buffers: inout DenseBuffers) {
        let rows = RowTile.capacity
        buffers.sums.reserveZeros(plan.sums * place)
        buffers.panel.reserveZeros(rows * PackedLinear.lanes * groupPanels)
        switch precision {
        case .f32:
            buffers.front.reserveZeros(place)
            buffers.back.reserveZeros(place)
        case .bf16:
            // activations of sums, before they are rounded
            if plan.sums > 0 { buffers.back.reserveZeros(place) }
            let halves = max(place, rows * rowStride(layers[0].inputs))
            buffers.halfFront.reserveZeros(halves)
            buffers.halfBack.reserveZeros(halves)
        }
    }

    /// Applies the transforms or their inverses to every row of the tile, given the whole key.
    ///
    /// - Parameters:
    ///   - key: where input `k` of row `r` stands in the tile.
    ///   - target: where transformed dimension `i` of row `r` stands; a step of 1 or 2.
    func apply(inverse: Bool, _ tile: inout RowTile, key: Operand, target: Operand, _ buffers: inout DenseBuffers) {
        let rows = tile.rows
        hiddenLayers(tile, key, &buffers)
        let output = layers[layers.count - 1]
        let width = rowStride(shape.hidden[shape.hidden.count - 1])
        let last = plan.steps[plan.steps.count - 1]
        let parameterStride = groupPanels * PackedLinear.lanes
        for group in 0..<output.panels.count / groupPanels {
            for place in 0..<groupPanels {
                let p = group * groupPanels + place
                let panel = Operand(offset: place * PackedLinear.lanes, step: parameterStride)
                switch precision {
                case .f32 where last.isActivated:
                    output.forward(
                        panel: p, rows: rows, context: tile.context, contextDims: 0, x: buffers.front,
                        key: Operand(step: 1, stride: width), c: &buffers.panel, panel)
                case .f32:
                    output.forward(
                        panel: p, rows: rows, context: tile.context, contextDims: 0, x: buffers.sums,
                        key: Operand(offset: sumOffset(last.sum!), step: 1, stride: width), c: &buffers.panel, panel)
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
                logDet: &tile.logDet, logDerivatives: &tile.logDerivatives)
        }
    }

    /// Computes all layers but the last, from the key to what the last one reads.
    private func hiddenLayers(_ tile: borrowing RowTile, _ key: Operand, _ buffers: inout DenseBuffers) {
        var width = precision == .bf16 ? roundInputs(tile, key, &buffers) : 0
        for k in 0..<layers.count - 1 {
            switch precision {
            case .f32 where k == 0: hiddenLayer(0, tile.rows, tile.context, tile.elements, key, &buffers)
            case .f32:
                hiddenLayer(k, tile.rows, tile.context, buffers.front, Operand(step: 1, stride: width), &buffers)
            case .bf16: hiddenLayerHalf(k, tile.rows, width, &buffers)
            }
            width = rowStride(layers[k].outputs)
        }
    }

    /// Computes one layer, from `x` to what the next one reads, and to the value's place where it is kept as it is.
    private func hiddenLayer(
        _ k: Int, _ rows: Int, _ context: [Float], _ x: [Float], _ input: Operand, _ buffers: inout DenseBuffers
    ) {
        let (layer, step) = (layers[k], plan.steps[k])
        let width = rowStride(layer.outputs)
        let contextDims = k == 0 ? shape.contextDims : 0
        if let sum = step.sum {
            let start = placeSkip(step, rows * width, &buffers)
            for p in layer.panels.indices {
                layer.forward(
                    panel: p, rows: rows, context: context, contextDims: contextDims, x: x, key: input, start: start,
                    c: &buffers.sums, Operand(offset: sumOffset(sum) + p * PackedLinear.lanes, step: width))
            }
            if step.isActivated {
                activateSum(sum, rows * width, &buffers)
            } else if k + 1 < plan.steps.count {
                // the last layer reads the sum where it stands
                copy(buffers.sums, sumOffset(sum), to: &buffers.back, 0, count: rows * width)
            }
        } else {
            for p in layer.panels.indices {
                let lanes = p * PackedLinear.lanes
                layer.forward(
                    panel: p, rows: rows, context: context, contextDims: contextDims, x: x, key: input,
                    c: &buffers.back, Operand(offset: lanes, step: width))
                // while the panel is in the cache
                Kernels.best.activate(
                    activation, x: &buffers.back, offset: lanes, rows: rows, columns: PackedLinear.lanes, stride: width)
            }
        }
        swap(&buffers.front, &buffers.back)
    }

    /// Returns what the panels of a layer start from: its skip, moved to their place if it is to stay where it is, or zero.
    func placeSkip(_ step: NetworkPlan.Step, _ count: Int, _ buffers: inout DenseBuffers) -> ProductStart {
        guard let skip = step.skip, let sum = step.sum else { return .zero }
        if skip != sum { shift(&buffers.sums, from: sumOffset(skip), to: sumOffset(sum), count: count) }
        return .accumulate
    }

    /// Applies the activation of a sum, to `back`: all rows with their padding, in one run.
    func activateSum(_ sum: Int, _ count: Int, _ buffers: inout DenseBuffers) {
        Kernels.best.activate(activation, from: buffers.sums, sumOffset(sum), to: &buffers.back, 0, count: count)
    }

    /// Returns the index at which a sum begins.
    func sumOffset(_ sum: Int) -> Int { sum * place }
}
