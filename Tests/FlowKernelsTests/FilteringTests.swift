import FlowKernels
import Testing

@Suite("Minimal filtering")
struct FilteringTests {
    /// Every pair of transforms, with kernels of several lengths.
    private static let filters: [TileFilter] = [(4, 3), (6, 2), (8, 7)].flatMap { down in
        [(4, 2), (6, 5), (8, 3)].map { across in
            TileFilter(
                rows: MinimalFilter(points: down.0, taps: down.1),
                columns: MinimalFilter(points: across.0, taps: across.1))
        }
    }

    private func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 33) % 1000) / 1000
        }
    }

    @Test("a minimal filter computes what its kernel says", arguments: MinimalFilter.pointCounts)
    func definition(points: Int) {
        for taps in 1..<points {
            let filter = MinimalFilter(points: points, taps: taps)
            let (d, g) = (numbers(points, 1).map(Double.init), numbers(taps, 2).map(Double.init))
            let weights = (0..<points).map { p in
                (0..<taps).reduce(0.0) { $0 + g[$1] * filter.weightFactors(tap: $1)[p] }
            }
            let products = zip(filter.inputFactors, weights).map { factors, weight in
                weight * zip(factors, d).reduce(0) { $0 + $1.0 * $1.1 }
            }
            for i in 0..<filter.outputs {
                let y = zip(filter.outputFactors[i], products).reduce(0) { $0 + $1.0 * $1.1 }
                let expected = (0..<taps).reduce(0.0) { $0 + g[$1] * d[i + $1] }
                #expect(abs(y - expected) < 1e-12)
            }
        }
    }

    /// Pixels of a tile, zero where the image has ended.
    private func tile(
        _ x: [Float], _ image: ImageTiles, _ t: Int, _ c: Int, _ filter: TileFilter, rows: Int, columns: Int
    ) -> [[Double]] {
        (0..<rows).map { i in
            (0..<columns).map { j in
                let column = min(t * filter.columns.outputs, image.lastColumn) + j
                guard i < image.rows, column < image.columns else { return 0 }
                return Double(x[image.offset + i * image.rowStride + column * image.pixelStride + c])
            }
        }
    }

    @Test("transforms agree with their reference in every instruction set", arguments: InstructionSet.allCases, filters)
    func reference(_ set: InstructionSet, _ filter: TileFilter) throws {
        guard let kernels = Kernels(set) else { return }
        let tiles = 2
        let (down, across) = (filter.rows, filter.columns)
        // the second time the last tile lacks columns, and all of them lack rows; the third time it begins earlier instead
        for (missing, overlaps) in [(0, false), (1, false), (1, true)] {
            let channels = 16
            let columns = tiles * across.outputs + across.taps - 1 - missing
            let rows = max(1, down.points - missing)
            let image = ImageTiles(
                offset: 3, pixelStride: channels + 1, rowStride: columns * (channels + 1) + 2, rows: rows,
                columns: columns,
                tiles: tiles, lastColumn: overlaps ? across.outputs - missing : .max)
            let values = TileValues(offset: 5, pointStride: tiles * channels + 7)
            let size = image.offset + rows * image.rowStride
            let x = numbers(size, 3)
            var v = numbers(values.offset + filter.points * values.pointStride, 4)
            let untouched = v
            func at(_ point: Int, _ t: Int, _ c: Int) -> Int {
                values.offset + point * values.pointStride + t * channels + c
            }
            // coefficients add up to less than 16 an axis, and there are less than 16 roundings of numbers up to 256
            let bound = 2e-5
            kernels.inputTiles(filter, x, image, channels: channels, to: &v, values)
            for t in 0..<tiles {
                for c in 0..<channels {
                    let expected = Reference.input(
                        filter, tile(x, image, t, c, filter, rows: down.points, columns: across.points))
                    for p in 0..<filter.points {
                        let gap = Double(v[at(p, t, c)]) - expected[p / across.points][p % across.points]
                        #expect(abs(gap) < bound)
                    }
                }
            }
            // what is between the tiles' values stays as it is
            #expect(v[0] == untouched[0] && v[at(1, 0, 0) - 1] == untouched[at(1, 0, 0) - 1])

            kernels.spreadTiles(filter, x, image, channels: channels, to: &v, values)
            for t in 0..<tiles {
                for c in 0..<channels {
                    let pixels = tile(x, image, t, c, filter, rows: down.outputs, columns: across.outputs)
                    let expected = Reference.spread(filter, pixels)
                    let sizes = Reference.spread(filter, pixels.map { $0.map(abs) })
                    // the terms of a negative point have the sizes of those of the positive one before it
                    func positive(_ i: Int, of points: Int) -> Int { i < points - 1 && i > 0 && i % 2 == 0 ? i - 1 : i }
                    for p in 0..<filter.points {
                        let (i, j) = p.quotientAndRemainder(dividingBy: across.points)
                        let gap = abs(Double(v[at(p, t, c)]) - expected[i][j])
                        #expect(gap <= 1e-6 * sizes[positive(i, of: down.points)][positive(j, of: across.points)])
                    }
                }
            }

            let bias = numbers(channels, 5)
            v = numbers(v.count, 6)
            var y = x
            kernels.outputTiles(filter, v, values, channels: channels, bias: bias, to: &y, image)
            var written: Set<Int> = []
            for t in 0..<tiles {
                for c in 0..<channels {
                    let products = (0..<down.points).map { i in
                        (0..<across.points).map { Double(v[at(i * across.points + $0, t, c)]) }
                    }
                    let expected = Reference.output(filter, products)
                    for i in 0..<min(down.outputs, rows) {
                        let begin = min(t * across.outputs, image.lastColumn)
                        for j in 0..<min(across.outputs, columns - begin) {
                            let column = begin + j
                            let index = image.offset + i * image.rowStride + column * image.pixelStride + c
                            let want = expected[i][j] + Double(bias[c])
                            written.insert(index)
                            // of two tiles that overlap the second one is what stays
                            if t < tiles - 1, column >= min((t + 1) * across.outputs, image.lastColumn) { continue }
                            // powers of the points up to 2⁶ an axis
                            let size = products.joined().reduce(0) { $0 + abs($1) } * Double(1 << min(12, i + j + 2))
                            #expect(abs(Double(y[index]) - want) < 1e-6 * size)
                        }
                    }
                }
            }
            #expect(y.indices.allSatisfy { written.contains($0) || y[$0] == x[$0] })
        }
    }

    @Test("products at the points are those of the product kernel, to the bit", arguments: InstructionSet.allCases)
    func products(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        let points = 3
        for (tiles, inputs, outputs) in [(1, 1, 16), (5, 7, 48), (13, 16, 32), (49, 20, 80)] {
            let weights = numbers(points * inputs * outputs, 7)
            let input = numbers(points * tiles * inputs, 8)
            var output = [Float](repeating: 0, count: points * (tiles * outputs + 16))
            var expected = output
            kernels.filterProduct(
                weights: weights, input, inputStride: tiles * inputs, to: &output, outputStride: tiles * outputs + 16,
                points: points, tiles: tiles, inputs: inputs, outputs: outputs)
            for point in 0..<points {
                for first in stride(from: 0, to: outputs, by: 32) {
                    let lanes = min(32, outputs - first)
                    kernels.product(
                        weights, Operand(offset: point * inputs * outputs + first * inputs, step: lanes), input,
                        Operand(offset: point * tiles * inputs, step: 1, stride: inputs), lanes: lanes, count: tiles,
                        depth: inputs, c: &expected,
                        Operand(offset: point * (tiles * outputs + 16) + first, step: outputs))
                }
            }
            #expect(output == expected)
        }
    }

    @Test("a filter is chosen where it costs less than the kernel, by count")
    func choice() throws {
        func best(_ rows: Int, _ columns: Int, _ side: Int, _ inputs: Int, _ outputs: Int, taps: Int) -> TileFilter? {
            TileFilter.best(
                rows: rows, columns: columns, height: side, width: side, inputs: inputs, outputs: outputs,
                direct: side * side * taps * inputs * outputs)
        }
        // the default model's causal 5×5 kernels, 13 taps in three rows: 48 products for 16 outputs
        let causal = try #require(best(3, 5, 28, 64, 64, taps: 13))
        #expect(causal.points == 48 && causal.rows.outputs == 4 && causal.columns.outputs == 4)
        #expect(causal.multiplyAdds(height: 28, width: 28, inputs: 64, outputs: 64) == 28 * 28 * 3 * 64 * 64)
        // 3×3 kernels of a Glow: 36 products for 16 outputs
        let square = try #require(best(3, 3, 14, 64, 64, taps: 9))
        #expect(square.points == 36)
        // no multiple of 16 channels in
        #expect(best(3, 3, 14, 24, 64, taps: 9) == nil)
        // one pixel, less than a tile; a kernel of one pixel; one with more taps than points
        #expect(best(3, 3, 1, 64, 64, taps: 9) == nil)
        #expect(best(1, 1, 28, 64, 64, taps: 1) == nil && best(1, 3, 28, 64, 64, taps: 3) == nil)
        #expect(best(9, 9, 28, 64, 64, taps: 81) == nil)
        #expect(best(7, 7, 28, 64, 64, taps: 49) != nil)
    }
}
