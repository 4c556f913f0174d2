import FlowCore
import FlowKernels

/// A ``ConvolutionalNetwork`` as the kernels read it: an interpreter of its description, for a whole image or for one pixel of some
/// images whose earlier pixels are known. One image goes through all layers at a time, so no bit of it depends on the others.
final class PackedConvolutionalNetwork: Sendable {
    /// A class, so that passing it on counts one reference.
    final class Layer: Sendable {
        let map: PackedConvolution
        let gate: PackedConvolution?
        /// `[contextDims, channels]`; empty where no context is added.
        let context: [Float]
        let positions: [Float]
        /// Of a layer that reads neighbours: where its input stands in an image's history.
        let history: Int?
        /// Of a layer that adds a context: how many such layers are before it.
        let bias: Int?

        init(
            map: PackedConvolution, gate: PackedConvolution?, context: [Float], positions: [Float], history: Int?,
            bias: Int?
        ) {
            self.map = map
            self.gate = gate
            self.context = context
            self.positions = positions
            self.history = history
            self.bias = bias
        }
    }

    /// Where a pass computes.
    enum Site {
        /// A whole image, whose key is there; the context is that of `row`.
        case image(row: Int)
        /// Pixel `place` of the history's window, the image's pixel `index`, of some rows.
        case pixel(place: Int, index: Int, rows: Range<Int>)
    }

    let grid: ImageGrid
    let shape: ConvolutionalShape
    let activation: Activation
    let plan: NetworkPlan
    let layers: [Layer]
    /// A row of the image, and in its border above the rows that a causal convolution reads.
    let window: ImageGrid
    /// Floats of what the layers that read neighbours read of one image, in the window.
    let historyStride: Int
    /// Layers that add a context.
    private let biases: Int
    /// The pixels of an image in a buffer of channels.
    let pixels: PixelRuns
    /// Floats from one place for sums to the next, and of every other buffer of hidden values: an image, or a pixel of as many
    /// images as are computed together.
    private let place: Int
    /// Whether what layers of odd and of even places read needs a border of zeros.
    private let needsBorder: (odd: Bool, even: Bool)

    init(_ network: ConvolutionalNetwork) {
        let shape = network.shape
        func byContext(_ values: [Float]) -> [Float] {
            values.isEmpty
                ? []
                : (0..<shape.contextDims).flatMap { k in
                    (0..<shape.channels).map { values[$0 * shape.contextDims + k] }
                }
        }
        grid = network.grid
        self.shape = shape
        activation = network.description.activation
        plan = NetworkPlan(network.description)
        let window = ImageGrid(height: 1, width: grid.width, pad: grid.pad)
        var history = 0
        var biases = 0
        layers = zip(network.layers, network.description.layers).map { layer, wiring in
            defer {
                if wiring.readsNeighbours { history += window.pixels * layer.map.inputs }
                if wiring.addsContext { biases += 1 }
            }
            return Layer(
                map: layer.map.packed, gate: layer.gate?.packed, context: byContext(layer.context),
                positions: layer.positions, history: wiring.readsNeighbours ? history : nil,
                bias: wiring.addsContext ? biases : nil)
        }
        self.window = window
        historyStride = history + Convolution.slack
        self.biases = biases
        pixels = PixelRuns(grid, channels: shape.channels)
        place = max(grid.pixels, Self.mostRows) * shape.channels + Convolution.slack
        func reads(_ parity: Int) -> Bool {
            network.description.layers.indices.contains {
                $0 > 0 && $0 % 2 == parity && network.description.layers[$0].readsNeighbours
            }
        }
        needsBorder = (reads(1), reads(0))
    }

    var channels: Int { shape.channels }
    /// Channels of the key.
    var inputs: Int { layers[0].map.inputs }
    /// Channels of a buffer of outputs.
    var outputStride: Int { layers[layers.count - 1].map.stride }

    /// Multiply-adds of an image.
    var multiplyAdds: Int {
        grid.height * grid.width * layers.reduce(0) { $0 + $1.map.multiplyAdds + ($1.gate?.multiplyAdds ?? 0) }
    }

    /// Reserves what whole images need, one at a time, and single pixels of up to `rows` images.
    func reserve(_ buffers: inout ImageBuffers, rows: Int) {
        buffers.key.reserveZeros(grid.pixels * inputs + Convolution.slack)
        buffers.sums.reserveZeros(plan.sums * place)
        buffers.front.reserveZeros(place)
        buffers.back.reserveZeros(place)
        buffers.part.reserveZeros(place)
        buffers.gate.reserveZeros(place)
        buffers.output.reserveZeros(max(grid.pixels, rows) * outputStride)
        buffers.bias.reserveZeros(max(1, rows * biases) * channels)
    }

    /// Images whose pixels are computed together, fewer where they are so wide that their history would take more than 64 MiB: it
    /// has to stay near the core.
    var solveRows: Int { max(1, min(Self.mostRows, (1 << 24) / historyStride)) }
    private static let mostRows = 16

    /// From the key in `buffers.key`, or from the histories in `buffers.history`, to the parameters in `buffers.output`.
    func run(_ site: Site, _ context: [Float], _ buffers: inout ImageBuffers) {
        let runs: PixelRuns
        switch site {
        case .image:
            runs = pixels
            if needsBorder.odd { clear(&buffers.back, 0..<grid.pixels * channels) }
            if needsBorder.even { clear(&buffers.front, 0..<grid.pixels * channels) }
        case .pixel(_, _, let rows): runs = PixelRuns(rows: rows.count, channels: channels)
        }
        for k in 0..<layers.count - 1 {
            hiddenLayer(k, site, runs, context, &buffers)
            swap(&buffers.front, &buffers.back)
            if case .pixel(let place, _, let rows) = site, let history = layers[k + 1].history {
                remember(place, rows.count, at: history, &buffers)
            }
        }
        let output = layers[layers.count - 1]
        let reads = isHistory(output, site) ? buffers.history : buffers.front
        apply(output.map, output, site, reads, bias: output.map.biases, to: &buffers.output, 0)
    }

    /// One layer from what it reads to what the next one reads, and to the value's place where it is kept as it is.
    private func hiddenLayer(
        _ k: Int, _ site: Site, _ runs: PixelRuns, _ context: [Float], _ buffers: inout ImageBuffers
    ) {
        let (layer, step) = (layers[k], plan.steps[k])
        if case .image(let row) = site, layer.bias != nil {
            fill(&buffers.bias, layer, context, row * shape.contextDims)
        }
        let x = isHistory(layer, site) ? buffers.history : k == 0 ? buffers.key : buffers.front
        guard let sum = step.sum else {
            convolve(layer, site, x, buffers.bias, context, to: &buffers.back, 0)
            return runs.activateInPlace(activation, &buffers.back)
        }
        let at = sum * place
        if step.skip == nil, layer.gate == nil {
            convolve(layer, site, x, buffers.bias, context, to: &buffers.sums, at)
        } else {
            convolve(layer, site, x, buffers.bias, context, to: &buffers.part, 0)
            if let skip = step.skip {
                if skip != sum { shift(&buffers.sums, from: skip * place, to: at, count: place) }
            } else {
                runs.clear(&buffers.sums, at)
            }
            if let gate = layer.gate {
                apply(gate, layer, site, x, bias: gate.biases, to: &buffers.gate, 0)
                runs.gate(buffers.part, &buffers.gate, 0, to: &buffers.sums, at)
            } else {
                runs.add(buffers.part, 0, to: &buffers.sums, at)
            }
        }
        if step.isActivated {
            runs.activate(activation, buffers.sums, at, to: &buffers.back, 0)
        } else {
            runs.copy(buffers.sums, at, to: &buffers.back, 0)
        }
    }

    /// Whether a layer reads the histories of images, and not the present pixels.
    private func isHistory(_ layer: Layer, _ site: Site) -> Bool {
        if case .pixel = site { layer.history != nil } else { false }
    }

    /// Puts what the next layer reads at the window's pixel `place` into the histories of `rows` images.
    private func remember(_ place: Int, _ rows: Int, at history: Int, _ buffers: inout ImageBuffers) {
        for r in 0..<rows {
            let to = r * historyStride + history + place * channels
            for c in 0..<channels { buffers.history[to + c] = buffers.front[r * channels + c] }
        }
    }

    /// The first convolution of a layer with everything that is added to it: biases, by the context too, and positions.
    private func convolve(
        _ layer: Layer, _ site: Site, _ x: [Float], _ biases: [Float], _ context: [Float], to y: inout [Float],
        _ offset: Int
    ) {
        switch (site, layer.bias) {
        case (.pixel(_, _, let rows), let first?):
            // every row has its own
            copy(biases, first * solveRows * channels, to: &y, offset, count: rows.count * channels)
            apply(layer.map, layer, site, x, bias: nil, to: &y, offset)
        case (.image, _?): apply(layer.map, layer, site, x, bias: biases, to: &y, offset)
        case (_, nil): apply(layer.map, layer, site, x, bias: layer.map.biases, to: &y, offset)
        }
        if layer.positions.isEmpty { return }
        switch site {
        case .image(let row): addPositions(layer, context, row * shape.contextDims, to: &y, offset)
        case .pixel(_, let index, let rows):
            for r in 0..<rows.count {
                addPositions(
                    layer, index, count: 1, context, (rows.lowerBound + r) * shape.contextDims, to: &y,
                    offset + r * channels)
            }
        }
    }

    /// A convolution alone, of `x` as the layer reads it; without `bias` it is added to what is there.
    private func apply(
        _ convolution: PackedConvolution, _ layer: Layer, _ site: Site, _ x: [Float], bias: [Float]?,
        to y: inout [Float],
        _ offset: Int
    ) {
        switch (site, layer.history) {
        case (.image, _): convolution.apply(grid, x, 0, bias: bias ?? convolution.biases, to: &y, offset)
        case (.pixel(let place, _, let rows), let history?):
            convolution.apply(
                window, at: place, count: rows.count, x, Operand(offset: history, step: 1, stride: historyStride),
                bias: bias, to: &y, Operand(offset: offset, step: convolution.stride))
        case (.pixel(_, _, let rows), nil):
            convolution.apply(
                ImageGrid(height: 1, width: 1, pad: 0), at: 0, count: rows.count, x, Operand(step: 1, stride: channels),
                bias: bias, to: &y, Operand(offset: offset, step: convolution.stride))
        }
    }
}

/// What is added to a convolution beside its biases.
extension PackedConvolutionalNetwork {
    /// A layer's biases, and what the context at `contextOffset` adds to them if it adds one, to `bias` from `offset` on.
    func fill(
        _ bias: inout [Float], at offset: Int = 0, _ layer: Layer, _ context: [Float], _ contextOffset: Int
    ) {
        let stride = layer.map.stride
        let (own, byContext) = (layer.map.biases, layer.context)
        let biases = own.span
        let added = byContext.span
        var span = bias.mutableSpan
        for c in 0..<stride { span[offset + c] = biases[c] }
        if added.isEmpty { return }
        for k in 0..<shape.contextDims where context[contextOffset + k] != 0 {
            let factor = context[contextOffset + k]
            for c in 0..<stride { span[offset + c] += factor * added[k * stride + c] }
        }
    }

    /// The biases of all layers that add a context, for pixels of some rows: `[layers, solveRows, channels]`.
    func setBiases(_ bias: inout [Float], rows: Range<Int>, _ context: [Float]) {
        for k in 0..<layers.count {
            guard let first = layers[k].bias else { continue }
            for r in 0..<rows.count {
                fill(
                    &bias, at: (first * solveRows + r) * channels, layers[k], context,
                    (rows.lowerBound + r) * shape.contextDims)
            }
        }
    }

    /// What a layer adds at every pixel of an image, if it adds positions.
    func addPositions(_ layer: Layer, _ context: [Float], _ contextOffset: Int, to x: inout [Float], _ offset: Int) {
        if layer.positions.isEmpty { return }
        for row in 0..<grid.height {
            addPositions(
                layer, row * grid.width, count: grid.width, context, contextOffset, to: &x,
                offset + (grid.origin + row * grid.pitch) * channels)
        }
    }

    /// Those of `count` pixels from pixel `first` on.
    private func addPositions(
        _ layer: Layer, _ first: Int, count: Int, _ context: [Float], _ contextOffset: Int, to x: inout [Float],
        _ offset: Int
    ) {
        Kernels.best.add(layer.positions, first * channels, to: &x, offset, count: count * channels)
        for k in 0..<shape.contextDims where context[contextOffset + k] != 0 {
            let from = ((1 + k) * grid.height * grid.width + first) * channels
            Kernels.best.add(
                layer.positions, from, times: context[contextOffset + k], to: &x, offset, count: count * channels)
        }
    }
}
