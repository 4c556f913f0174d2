import FlowCore
import FlowKernels

/// Gradients of weights and biases, of some outputs at a time.
extension Convolution {
    /// Sets `gradient`, `[units.count, depth]`, to `∂L/∂W`, rows of some outputs.
    ///
    /// The sum over images and pixels, or tiles, is one chain in the order of `traces`: its bits do not depend on where the batch was
    /// cut.
    func weightGradient(units: Range<Int>, of traces: [Trace], into gradient: inout MutableSpan<Float>) {
        let depth = depth
        precondition(gradient.count == units.count * depth)
        if let grid = traces.first?.grid, let filter = gradientFilter(units.count, grid) {
            return filteredGradient(filter, grid, units, traces, &gradient)
        }
        var first = 0
        for tap in taps {
            let reads = tap.count * inputs
            let lanes = Self.stride(reads)
            var sums = [Float](repeating: 0, count: units.count * lanes)
            var span = sums.mutableSpan
            for trace in traces {
                let grid = trace.grid
                let from = (grid.origin + tap.dy * grid.pitch + tap.dx) * inputs
                for image in 0..<trace.images {
                    Kernels.best.product(
                        trace.x.span, Operand(offset: image * grid.pixels * inputs + from, step: inputs),
                        trace.dy.span,
                        Operand(
                            offset: (image * grid.pixels + grid.origin) * outputStride + units.lowerBound,
                            step: outputStride),
                        lanes: lanes, count: units.count, depth: grid.span, start: .accumulate, c: &span,
                        Operand(step: lanes))
                }
            }
            for u in 0..<units.count {
                for i in 0..<reads { gradient[u * depth + first + i] = span[u * lanes + i] }
            }
            first += reads
        }
    }

    /// Sets `gradient`, `[units.count]`, to `∂L/∂b` at some outputs.
    func biasGradient(units: Range<Int>, of traces: [Trace], into gradient: inout MutableSpan<Float>) {
        for u in 0..<units.count { gradient[u] = 0 }
        for trace in traces {
            for image in 0..<trace.images {
                for u in 0..<units.count {
                    gradient[u] += trace.sums[image * outputStride + units.lowerBound + u]
                }
            }
        }
    }

    /// Returns the filter by which the gradients of `units` outputs cost less than by sums over the pixels; nil where none does.
    private func gradientFilter(_ units: Int, _ grid: ImageGrid) -> TileFilter? {
        let (rows, columns) = Self.extent(taps)
        return TileFilter.best(
            rows: rows.count, columns: columns.count, height: grid.height, width: grid.width, inputs: inputs,
            outputs: units, direct: grid.height * grid.width * depth * units)
    }

    /// Sets `gradient` by the transpose of a minimal filter: at each point, the sum over the tiles of the inputs' values times the
    /// gradients' values; then the transpose of what makes the weights' values of the weights.
    ///
    /// Source: the chain rule through `y = Aᵀ[(G w) ⊙ (Bᵀ x)]`, `∂L/∂w = Gᵀ Σ (Bᵀ x) ⊙ (A ∂L/∂y)`.
    func filteredGradient(
        _ filter: TileFilter, _ grid: ImageGrid, _ units: Range<Int>, _ traces: [Trace],
        _ gradient: inout MutableSpan<Float>
    ) {
        let runs = TileRuns(filter, on: grid, atATime: FilteredConvolution.tilesAtATime)
        let (rows, columns) = Self.extent(taps)
        // whole vectors of outputs that have all of the units
        let first = units.lowerBound / 16 * 16
        let width = (units.upperBound - first + 15) / 16 * 16
        var room = FilterRoom()
        room.input.reserveZeros(filter.points * FilterRoom.pointStride(runs.mostTiles, inputs))
        room.output.reserveZeros(filter.points * FilterRoom.pointStride(runs.mostTiles, width))
        var sums = [Float](repeating: 0, count: filter.points * units.count * inputs)
        for trace in traces {
            for image in 0..<trace.images {
                for group in runs.groups {
                    let strides = (
                        x: FilterRoom.pointStride(group.tiles, inputs), dy: FilterRoom.pointStride(group.tiles, width)
                    )
                    for run in runs.all[group.runs] {
                        Kernels.best.inputTiles(
                            filter, trace.x,
                            runs.inputs(
                                run, offset: image * grid.pixels * inputs, channels: inputs, dy: rows.lowerBound,
                                dx: columns.lowerBound, overlap: false), channels: inputs, to: &room.input,
                            TileValues(offset: run.place * inputs, pointStride: strides.x))
                        Kernels.best.spreadTiles(
                            filter, trace.dy,
                            runs.outputs(
                                run, offset: image * grid.pixels * outputStride + first, channels: outputStride,
                                overlap: false), channels: width, to: &room.output,
                            TileValues(offset: run.place * width, pointStride: strides.dy))
                    }
                    for point in 0..<filter.points {
                        Kernels.best.product(
                            room.input, Operand(offset: point * strides.x, step: inputs), room.output,
                            Operand(offset: point * strides.dy + units.lowerBound - first, step: width),
                            lanes: inputs, count: units.count, depth: group.tiles, start: .accumulate, c: &sums,
                            Operand(offset: point * units.count * inputs, step: inputs))
                    }
                }
            }
        }
        let factors = Self.weightFactors(taps, filter)
        for unit in 0..<units.count {
            Kernels.best.product(
                sums.span, Operand(offset: unit * inputs, step: units.count * inputs), factors.span,
                Operand(step: 1, stride: filter.points), lanes: inputs, count: depth / inputs, depth: filter.points,
                c: &gradient, Operand(offset: unit * depth, step: inputs))
        }
    }
}
