import FlowCore
import FlowKernels
import FlowLayers
import TestSupport
import Testing

@Suite("Linear prediction of pixels")
struct LinearPredictionTests {
    private let layout = ImageLayout(height: 6, width: 7, channels: 3)

    private func map(_ layout: ImageLayout, predictor: Int = 3, classes: Int = 0) throws -> ImageMap {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        return try ImageMap(
            dims: layout.dims, layout: layout, mask: .causal(reversed: false),
            shape: ConvolutionalShape(
                channels: 16, blocks: 1, kernel: 3, isGated: true, activation: .gelu, contextDims: classes),
            predictor: predictor, transform: .affine(logScaleBound: 3), random: &random)
    }

    /// Images of a process: every channel is 0.4 of its left neighbour, 0.3 of the one above and 0.2 of the channel before it, plus
    /// noise of a tenth, and 0.5.
    private func process(_ rows: Int, _ layout: ImageLayout) -> Matrix {
        var random = RandomStream(seed: 7, stream: 0)
        var x = Matrix(rows: rows, columns: layout.dims)
        for r in 0..<rows {
            for p in 0..<layout.height * layout.width {
                for c in 0..<layout.channels {
                    func value(_ pixel: Int, _ channel: Int) -> Float { x[r, pixel * layout.channels + channel] }
                    let left = p % layout.width > 0 ? value(p - 1, c) : 0
                    let above = p >= layout.width ? value(p - layout.width, c) : 0
                    let before = c > 0 ? value(p, c - 1) : 0
                    x[r, p * layout.channels + c] =
                        0.4 * left + 0.3 * above + 0.2 * before + 0.5 + 0.1 * random.normal()
                }
            }
        }
        return x
    }

    @Test("the fit finds the coefficients of a linear process, and what is left over is its noise, scaled to 1")
    func fit() throws {
        var map = try map(layout)
        let x = process(200, layout)
        try map.initialize(from: x)
        var arrays: [String: [Float]] = [:]
        map.visitParameters { info, values in arrays[info.name] = values }
        // of 4 pixels before, above left, above, above right and left, 3 channels each; then the channels before
        let weights = try #require(arrays["prediction.weights"])
        #expect(weights.count == 3 * 12 + 3)
        var first = 0
        for c in 0..<3 {
            for t in 0..<4 {
                for k in 0..<3 {
                    let expected: Float = k != c ? 0 : t == 1 ? 0.3 : t == 3 ? 0.4 : 0
                    // 8,400 pixels with noise as large as the inputs' own: a standard error of 0.01
                    #expect(abs(weights[first + t * 3 + k] - expected) < 0.05)
                }
            }
            for k in 0..<c { #expect(abs(weights[first + 12 + k] - (k == c - 1 ? 0.2 : 0)) < 0.05) }
            first += 12 + c
        }
        let shift = try #require(arrays["prediction.shift"])
        let logScale = try #require(arrays["prediction.log_scale"])
        #expect(shift.allSatisfy { abs($0 - 0.5) < 0.05 } && logScale.allSatisfy { abs($0 - 2.3026) < 0.03 })
        // the network gives zeros before training, so that the map is the prediction alone
        let (z, logDet) = try FlowEngine(map).forward(x)
        let variance = z.elements.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(z.elements.count)
        #expect(abs(variance - 1) < 0.02)
        #expect(logDet.allSatisfy { abs($0 - logScale.reduce(0, +) * 42) < 1e-2 })
    }

    @Test("what never varies, and neighbours that are equal, are predicted by finite numbers")
    func degenerate() throws {
        for value in [Float(0), 0.25] {
            var map = try map(layout)
            try map.initialize(
                from: Matrix(rows: 3, columns: layout.dims, elements: Array(repeating: value, count: 3 * layout.dims)))
            map.visitParameters { _, values in #expect(values.allSatisfy { $0.isFinite }) }
        }
    }

    @Test("rows of any batch, with a class, have the bits of the taped pass, and the sequential direction undoes it")
    func directions() throws {
        let map = BijectionLaws.perturbed(try map(layout, predictor: 5, classes: 3), scale: 0.1, seed: 2)
        let x = process(19, layout)
        var context = Matrix(rows: 19, columns: 3)
        for r in 0..<19 { context[r, r % 3] = 1 }
        let engine = FlowEngine(map)
        let (z, logDet) = try engine.forward(x, context: context)
        let taped = try map.forwardTaped(x, context: context)
        #expect(z.elements == taped.z.elements && logDet == taped.logDet)
        let (back, inverseLogDet) = try engine.inverse(z, context: context)
        #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(zip(logDet, inverseLogDet).allSatisfy { abs($0 + $1) < 1e-3 })
    }

    @Test("a pixel's channel depends on the pixels before and on its channels before it, and on nothing else")
    func triangle() throws {
        let map = BijectionLaws.perturbed(try map(layout, predictor: 5), scale: 0.1, seed: 3)
        let x = process(1, layout)
        let z = try map.forwardTaped(x, context: nil).z
        for moved in [0, 20, 61, layout.dims - 2] {
            var other = x
            other[0, moved] += 0.5
            let moves = try map.forwardTaped(other, context: nil).z
            #expect((0..<moved).allSatisfy { moves[0, $0] == z[0, $0] } && moves[0, moved] != z[0, moved])
            #expect(moves[0, moved + 1] != z[0, moved + 1] || moved % 3 == 2)
        }
    }

    @Test("only a map that goes forward from pixel to pixel predicts, from a square of odd side")
    func refused() {
        for (mask, side) in [
            (ImageMask.causal(reversed: true), 3), (.channels(keyIsFirst: true), 3), (.causal(reversed: false), 4),
            (.causal(reversed: false), 1),
        ] {
            var random: RandomStream?
            #expect(throws: FlowError.self) {
                try ImageMap(
                    dims: layout.dims, layout: layout, mask: mask,
                    shape: ConvolutionalShape(channels: 16, blocks: 1, kernel: 3, isGated: false, activation: .relu),
                    predictor: side, transform: .shift, random: &random)
            }
        }
    }
}
