import FlowCore
import FlowKernels

/// Pass through all layers, one after another, at one site.
extension PackedConvolutionalNetwork {
    /// Moves the windows of `rows` images down by a row of pixels, which is empty yet.
    func scroll(_ rows: Int, _ history: inout [Float]) {
        for k in 0..<layers.count {
            guard let first = layers[k].history else { continue }
            let channels = layers[k].map.inputs
            let (pitch, kept) = (window.pitch * channels, window.pad * window.pitch * channels)
            for r in 0..<rows {
                let start = r * historyStride + first
                shift(&history, from: start + pitch, to: start, count: kept)
                clear(&history, start + kept..<start + kept + pitch)
            }
        }
    }

    /// Computes the parameters in `buffers.output` from the key in `buffers.key`, or from the histories in `buffers.history`.
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
        apply(output.map, output, site, reads, bias: output.map.biases, to: &buffers.output, 0, &buffers.room)
    }

    /// Computes one layer, from what it reads to what the next one reads, and to the value's place where it is kept as it is.
    private func hiddenLayer(
        _ k: Int, _ site: Site, _ runs: PixelRuns, _ context: [Float], _ buffers: inout ImageBuffers
    ) {
        let (layer, step) = (layers[k], plan.steps[k])
        if case .image(let row) = site, layer.bias != nil {
            fill(&buffers.bias, layer, context, row.map { $0 * shape.contextDims })
        }
        let x = isHistory(layer, site) ? buffers.history : k == 0 ? buffers.key : buffers.front
        guard let sum = step.sum else {
            convolve(layer, site, x, buffers.bias, context, to: &buffers.back, 0, &buffers.room)
            return runs.activateInPlace(activation, &buffers.back)
        }
        let at = sum * place
        if step.skip == nil, layer.gate == nil {
            convolve(layer, site, x, buffers.bias, context, to: &buffers.sums, at, &buffers.room)
        } else {
            convolve(layer, site, x, buffers.bias, context, to: &buffers.part, 0, &buffers.room)
            if let skip = step.skip {
                if skip != sum { shift(&buffers.sums, from: skip * place, to: at, count: place) }
            } else {
                runs.clear(&buffers.sums, at)
            }
            if let gate = layer.gate {
                apply(gate, layer, site, x, bias: gate.biases, to: &buffers.gate, 0, &buffers.room)
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

    /// Returns whether a layer reads the histories of images, and not the present pixels.
    private func isHistory(_ layer: Layer, _ site: Site) -> Bool {
        if case .pixel = site { layer.history != nil } else { false }
    }

    /// Copies what the next layer reads at the window's pixel `place` into the histories of `rows` images.
    private func remember(_ place: Int, _ rows: Int, at history: Int, _ buffers: inout ImageBuffers) {
        for r in 0..<rows {
            let to = r * historyStride + history + place * channels
            for c in 0..<channels { buffers.history[to + c] = buffers.front[r * channels + c] }
        }
    }

    /// Applies the first convolution of a layer with everything that is added to it: biases, those of the context, and positions.
    private func convolve(
        _ layer: Layer, _ site: Site, _ x: [Float], _ biases: [Float], _ context: [Float], to y: inout [Float],
        _ offset: Int, _ room: inout FilterRoom
    ) {
        switch (site, layer.bias) {
        case (.pixel(_, _, let rows), let first?):
            // contexts, and so biases, differ from row to row
            copy(biases, first * solveRows * channels, to: &y, offset, count: rows.count * channels)
            apply(layer.map, layer, site, x, bias: nil, to: &y, offset, &room)
        case (.image(let row), _?):
            apply(layer.map, layer, site, x, bias: biases, to: &y, offset, &room)
            if row == nil { addContexts(layer, context, to: &y, offset) }
        case (_, nil): apply(layer.map, layer, site, x, bias: layer.map.biases, to: &y, offset, &room)
        }
        if layer.positions.isEmpty { return }
        switch site {
        case .image(let row?): addPositions(layer, context, row * shape.contextDims, to: &y, offset)
        case .image(nil): addPositions(layer, contexts: context, to: &y, offset)
        case .pixel(_, let index, let rows):
            for r in 0..<rows.count {
                addPositions(
                    layer, index, count: 1, context, (rows.lowerBound + r) * shape.contextDims, to: &y,
                    offset + r * channels)
            }
        }
    }

    /// Applies a convolution to `x` as the layer reads it. At a pixel, without `bias`, it is added to what is there.
    private func apply(
        _ convolution: PackedConvolution, _ layer: Layer, _ site: Site, _ x: [Float], bias: [Float]?,
        to y: inout [Float], _ offset: Int, _ room: inout FilterRoom
    ) {
        switch (site, layer.history) {
        case (.image, _): convolution.apply(grid, x, 0, bias: bias ?? convolution.biases, to: &y, offset, &room)
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
