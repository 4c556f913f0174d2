import FlowCore
import FlowKernels
import Testing

@testable import FlowLayers

@Suite("Convolutions of images")
struct ConvolutionTests {
    /// A convolution of an image, and the filter by which it is computed.
    struct Case: Sendable, CustomTestStringConvertible {
        var height: Int
        var width: Int
        var inputs: Int
        var outputs: Int
        var taps: [Convolution.Taps]
        var points: (rows: Int, columns: Int)
        var pad = 2
        var testDescription: String {
            "\(height)x\(width), \(inputs) to \(outputs), \(taps.count) rows, \(points.rows)x\(points.columns) points"
        }
    }

    static let cases = [
        // the default model's and a Glow's; partial tiles below, beside and both; an image smaller than a tile, a single pixel
        Case(
            height: 12, width: 12, inputs: 32, outputs: 32, taps: Convolution.causal(5, withCentre: true),
            points: (6, 8)),
        Case(height: 7, width: 7, inputs: 16, outputs: 48, taps: Convolution.square(3), points: (6, 6)),
        Case(height: 6, width: 9, inputs: 16, outputs: 16, taps: Convolution.square(3), points: (4, 6)),
        Case(height: 5, width: 4, inputs: 16, outputs: 18, taps: Convolution.square(5), points: (8, 8)),
        Case(
            height: 9, width: 3, inputs: 16, outputs: 16, taps: Convolution.causal(5, withCentre: false), points: (6, 8)
        ),
        Case(height: 4, width: 8, inputs: 16, outputs: 16, taps: Convolution.square(7), points: (8, 8), pad: 3),
        Case(height: 1, width: 2, inputs: 32, outputs: 1, taps: Convolution.square(3), points: (4, 4), pad: 1),
        Case(
            height: 1, width: 1, inputs: 16, outputs: 16, taps: Convolution.causal(3, withCentre: true), points: (6, 8)),
    ]

    private func grid(_ c: Case) -> ImageGrid { ImageGrid(height: c.height, width: c.width, pad: c.pad) }

    private func convolution(_ c: Case) -> Convolution {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        return Convolution(inputs: c.inputs, outputs: c.outputs, taps: c.taps, random: &random)
    }

    /// Rectified normals, as networks have them, within a border of zeros.
    private func image(_ grid: ImageGrid, channels: Int, seed: UInt64) -> [Float] {
        var random = RandomStream(seed: seed, stream: 0)
        var x = [Float](repeating: 0, count: grid.pixels * channels + Convolution.slack)
        for pixel in 0..<grid.height * grid.width {
            for k in 0..<channels { x[grid.place(of: pixel) * channels + k] = max(0, random.normal()) }
        }
        return x
    }

    /// Output `o` at a pixel in double precision, of the definition.
    private func exact(_ convolution: Convolution, _ grid: ImageGrid, _ x: [Float], _ pixel: Int, _ o: Int) -> Double {
        var sum = Double(convolution.biases[o])
        var weight = o * convolution.depth
        for tap in convolution.taps {
            for i in 0..<tap.count * convolution.inputs {
                let at = (grid.place(of: pixel) + tap.dy * grid.pitch + tap.dx) * convolution.inputs + i
                sum += Double(convolution.weights[weight]) * Double(x[at])
                weight += 1
            }
        }
        return sum
    }

    private func filtered(
        _ c: Case, _ panels: ConvolutionPanels, taps: [Convolution.Taps],
        atATime: Int = FilteredConvolution.tilesAtATime
    ) -> FilteredConvolution {
        let (rows, columns) = Convolution.extent(taps)
        return FilteredConvolution(
            panels, taps: taps, on: grid(c), atATime: atATime,
            filter: TileFilter(
                rows: MinimalFilter(points: c.points.rows, taps: rows.count),
                columns: MinimalFilter(points: c.points.columns, taps: columns.count)))
    }

    private func apply(_ filter: FilteredConvolution, _ x: [Float], _ grid: ImageGrid, stride: Int, bias: [Float])
        -> [Float]
    {
        var room = FilterRoom()
        var y = [Float](repeating: 7, count: grid.pixels * stride)
        filter.apply(x, 0, bias: bias, to: &y, 0, &room)
        return y
    }

    @Test(
        "a minimal filter computes the convolution, with the error that docs/reference/numerics.md states",
        arguments: cases)
    func error(_ c: Case) {
        let (convolution, grid) = (convolution(c), grid(c))
        let x = image(grid, channels: c.inputs, seed: 2)
        let stride = convolution.outputStride
        let bias = convolution.biases + [Float](repeating: 0, count: stride - c.outputs)
        let y = apply(
            filtered(c, ConvolutionPanels(convolution), taps: c.taps), x, grid, stride: stride, bias: bias)
        var (squares, errors, worst) = (0.0, 0.0, 0.0)
        for pixel in 0..<c.height * c.width {
            for o in 0..<c.outputs {
                let expected = exact(convolution, grid, x, pixel, o)
                let gap = Double(y[grid.place(of: pixel) * stride + o]) - expected
                (squares, errors, worst) = (squares + expected * expected, errors + gap * gap, max(worst, abs(gap)))
            }
        }
        let count = Double(c.height * c.width * c.outputs)
        // four times what 64 points reach with 64 channels; a direct kernel has 5e-7 and 5e-6
        #expect((errors / squares).squareRoot() < 1e-5 && worst < 1e-4 * (squares / count).squareRoot())
        let inside = Set((0..<c.height * c.width).map(grid.place))
        #expect((0..<grid.pixels).allSatisfy { inside.contains($0) || y[$0 * stride] == 7 }, "the border is left alone")
    }

    @Test("the transposed convolution is the transpose", arguments: cases)
    func transposed(_ c: Case) {
        let (convolution, grid) = (convolution(c), grid(c))
        let (given, taken) = (convolution.outputStride, Convolution.stride(c.inputs))
        let (x, dy) = (image(grid, channels: c.inputs, seed: 3), image(grid, channels: given, seed: 4))
        let mirrored = convolution.transposed(on: grid).taps
        let dx = apply(
            filtered(c, ConvolutionPanels(transposing: convolution), taps: mirrored), dy, grid, stride: taken,
            bias: Array(repeating: 0, count: taken))
        var (across, back, size) = (0.0, 0.0, 0.0)
        for pixel in 0..<c.height * c.width {
            let place = grid.place(of: pixel)
            for o in 0..<c.outputs {
                let term =
                    (exact(convolution, grid, x, pixel, o) - Double(convolution.biases[o]))
                    * Double(dy[place * given + o])
                (across, size) = (across + term, size + abs(term))
            }
            for i in 0..<c.inputs { back += Double(x[place * c.inputs + i]) * Double(dx[place * taken + i]) }
        }
        #expect(abs(across - back) <= 1e-5 * size)
    }

    @Test("how many tiles are computed together changes no bit", arguments: cases)
    func groups(_ c: Case) {
        let (convolution, grid) = (convolution(c), grid(c))
        let x = image(grid, channels: c.inputs, seed: 5)
        let stride = convolution.outputStride
        let outputs = [1, 2, 5, 64].map { count in
            apply(
                filtered(c, ConvolutionPanels(convolution), taps: c.taps, atATime: count), x, grid, stride: stride,
                bias: Array(repeating: 1, count: stride))
        }
        #expect(outputs.allSatisfy { $0 == outputs[0] })
    }

    @Test(
        "the gradient of the weights by a filter is that of the definition, wherever the batch is cut", arguments: cases
    )
    func gradient(_ c: Case) {
        let (convolution, grid) = (convolution(c), grid(c))
        let (rows, columns) = Convolution.extent(c.taps)
        let filter = TileFilter(
            rows: MinimalFilter(points: c.points.rows, taps: rows.count),
            columns: MinimalFilter(points: c.points.columns, taps: columns.count))
        let stride = convolution.outputStride
        let images = 3
        func batch(_ range: Range<Int>, channels: Int, seed: UInt64) -> [Float] {
            range.flatMap { image(grid, channels: channels, seed: seed + UInt64($0)).dropLast(Convolution.slack) }
                + [Float](repeating: 0, count: Convolution.slack)
        }
        func trace(_ range: Range<Int>) -> Convolution.Trace {
            Convolution.Trace(
                grid: grid, images: range.count, x: batch(range, channels: c.inputs, seed: 7),
                dy: batch(range, channels: stride, seed: 20), stride: stride)
        }
        let units = c.outputs / 3..<c.outputs
        func gradient(_ traces: [Convolution.Trace]) -> [Float] {
            var gradient = [Float](repeating: 7, count: units.count * convolution.depth)
            var span = gradient.mutableSpan
            convolution.filteredGradient(filter, grid, units, traces, &span)
            return gradient
        }
        let whole = trace(0..<images)
        let found = gradient([whole])
        #expect(gradient([trace(0..<1), trace(1..<3)]) == found)
        var (squares, worst) = (0.0, 0.0)
        for unit in units {
            var place = 0
            for tap in c.taps {
                for i in 0..<tap.count * c.inputs {
                    var sum = 0.0
                    for pixel in 0..<images * c.height * c.width {
                        let (image, index) = pixel.quotientAndRemainder(dividingBy: c.height * c.width)
                        let at = image * grid.pixels + grid.place(of: index)
                        let from = (at + tap.dy * grid.pitch + tap.dx) * c.inputs + i
                        sum += Double(whole.x[from]) * Double(whole.dy[at * stride + unit])
                    }
                    let gap = Double(found[(unit - units.lowerBound) * convolution.depth + place]) - sum
                    (squares, worst) = (squares + sum * sum, max(worst, abs(gap)))
                    place += 1
                }
            }
        }
        #expect(worst < 1e-4 * (squares / Double(found.count)).squareRoot() + 1e-5)
    }

    @Test("where the direct kernel is not finite, the filter is not", arguments: cases, [Float.nan, .infinity, 1e38])
    func notFinite(_ c: Case, _ value: Float) {
        let (convolution, grid) = (convolution(c), grid(c))
        var x = image(grid, channels: c.inputs, seed: 6)
        x[grid.place(of: c.height * c.width / 2) * c.inputs] = value
        let panels = ConvolutionPanels(convolution)
        let stride = convolution.outputStride
        let bias = [Float](repeating: 0, count: stride)
        let y = apply(filtered(c, panels, taps: c.taps), x, grid, stride: stride, bias: bias)
        let direct = PackedConvolution(
            outputs: c.outputs, panels: panels, taps: c.taps, biases: [], for: .imagesAndPixels(grid))
        var expected = [Float](repeating: 7, count: y.count)
        for pixel in 0..<c.height * c.width {
            let place = grid.place(of: pixel)
            direct.apply(
                grid, at: place, count: 1, x, Operand(step: 1, stride: c.inputs), bias: bias, to: &expected,
                Operand(offset: place * stride, step: stride))
        }
        #expect(zip(y, expected).allSatisfy { $1.isFinite || !$0.isFinite })
    }

    @Test("weights are kept in the forms that are asked for, and a filter is taken where it does less")
    func forms() throws {
        let c = Self.cases[0]
        let grid = ImageGrid(height: 28, width: 28, pad: 2)
        let convolution = convolution(c)
        let whole = convolution.packed(for: .images(grid))
        let filter = try #require(whole.filter)
        #expect(filter.filter.points == 48)
        // 13 taps a pixel, or 48 products a tile of 16
        #expect(whole.multiplyAdds == 13 * 32 * 32 && whole.multiplyAddsDone(grid) == 28 * 28 * 3 * 32 * 32)
        // one pixel: its own panels
        let pixel = ImageGrid(height: 1, width: 1, pad: 2)
        #expect(convolution.packed(for: .imagesAndPixels(pixel)).filter == nil)
        #expect(convolution.packed(for: .images(pixel)).multiplyAddsDone(pixel) == 13 * 32 * 32)
    }
}
