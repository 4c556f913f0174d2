import FlowCore
import FlowKernels
import FlowLayers
import TestSupport
import Testing

@Suite("Maps of images")
struct ImageMapTests {
    static let masks: [ImageMask] = [
        .channels(keyIsFirst: true), .channels(keyIsFirst: false), .causal(reversed: false), .causal(reversed: true),
    ]
    private let layout = ImageLayout(height: 3, width: 4, channels: 2)

    private func map(
        _ mask: ImageMask, layout: ImageLayout? = nil, channels: Int = 16, kernel: Int = 3, classes: Int = 0,
        _ transform: UnivariateTransform = .spline(bins: 4, tailBound: 3)
    ) throws -> ImageMap {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        let layout = layout ?? self.layout
        let map = try ImageMap(
            dims: layout.dims, layout: layout, mask: mask,
            shape: ConvolutionalShape(
                channels: channels, blocks: 2, kernel: kernel, isGated: true, activation: .gelu, contextDims: classes),
            transform: transform, random: &random)
        return BijectionLaws.perturbed(map, scale: 0.1, seed: 2)
    }

    private func normals(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, stream: 0)
        return Matrix(rows: rows, columns: columns, elements: (0..<rows * columns).map { _ in random.normal() })
    }

    /// One-hot but for the last row, which is between two classes.
    private func context(_ rows: Int) -> Matrix {
        var context = Matrix(rows: rows, columns: 3)
        for r in 0..<rows { context[r, r % 3] = 1 }
        (context[rows - 1, 0], context[rows - 1, 1], context[rows - 1, 2]) = (0.25, 0.75, 0)
        return context
    }

    @Test("given a class, the two directions undo each other and agree with the taped pass", arguments: masks)
    func conditional(_ mask: ImageMask) throws {
        let map = try map(mask, classes: 3)
        let engine = FlowEngine(map)
        let (x, context) = (normals(21, layout.dims, seed: 3), context(21))
        let (z, logDet) = try engine.forward(x, context: context)
        let taped = try map.forwardTaped(x, context: context)
        let (back, inverseLogDet) = try engine.inverse(z, context: context)
        #expect(z.elements == taped.z.elements && logDet == taped.logDet)
        #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(zip(logDet, inverseLogDet).allSatisfy { abs($0 + $1) < 1e-3 })
        // the class matters
        var other = context
        (other[0, 0], other[0, 1]) = (0, 1)
        #expect(try engine.forward(x, context: other).logDet[0] != logDet[0])
    }

    @Test("gradients with a class equal finite differences", arguments: masks)
    func gradients(_ mask: ImageMask) throws {
        let map = try map(mask, classes: 3)
        for seed in [UInt64(4), 5] {
            let gaps = try BijectionLaws.gradientGaps(
                map, normals(4, layout.dims, seed: seed), context: context(4), step: 1e-3, seed: seed)
            // GELU has no kinks; differences of single precision
            #expect(gaps.allSatisfy { $0 < 1e-2 }, "\(gaps)")
        }
    }

    @Test("by minimal filters the directions undo each other, and gradients equal finite differences", arguments: masks)
    func filtered(_ mask: ImageMask) throws {
        let layout = ImageLayout(height: 9, width: 8, channels: 2)
        // affine: a spline's log-derivative has kinks, of which so many pixels meet some
        let map = try map(mask, layout: layout, kernel: 5, classes: 3, .affine(logScaleBound: 3))
        let engine = FlowEngine(map)
        #expect(engine.multiplyAddsDone.forward < engine.multiplyAdds)
        let (x, context) = (normals(3, layout.dims, seed: 3), context(3))
        let (z, logDet) = try engine.forward(x, context: context)
        let (back, inverseLogDet) = try engine.inverse(z, context: context)
        #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(zip(logDet, inverseLogDet).allSatisfy { abs($0 + $1) < 1e-3 })
        let taped = try map.forwardTaped(x, context: context)
        #expect(z.elements == taped.z.elements && logDet == taped.logDet)
        let gaps = try BijectionLaws.gradientGaps(map, x, context: context, step: 1e-3, seed: 4)
        #expect(gaps.allSatisfy { $0 < 1e-2 }, "\(gaps)")
    }

    @Test("where a batch is cut changes no bit of the gradients")
    func cuts() throws {
        let map = try map(.causal(reversed: false), classes: 3)
        let (x, context) = (normals(32, layout.dims, seed: 6), context(32))
        func tape(_ rows: Range<Int>) throws -> ImageMap.Tape {
            func part(_ matrix: Matrix) -> Matrix {
                let width = matrix.columns
                return Matrix(
                    rows: rows.count, columns: width,
                    elements: Array(matrix.elements[rows.lowerBound * width..<rows.upperBound * width]))
            }
            var (z, _, tape) = try map.forwardTaped(part(x), context: part(context))
            for i in z.elements.indices { z.elements[i] *= 0.5 }
            _ = map.backward(
                Cotangent(dz: z, dLogDet: Array(repeating: -1, count: rows.count)), through: &tape)
            return tape
        }
        #expect(try map.gradients(of: [tape(0..<32)]) == map.gradients(of: [tape(0..<5), tape(5..<6), tape(6..<32)]))
    }

    @Test("dropout: gradients of what is left equal finite differences", arguments: masks)
    func dropoutGradients(_ mask: ImageMask) throws {
        var map = try map(mask, classes: 3)
        map.setDropout(0.4)
        for seed in [UInt64(4), 5] {
            // not of x, the first: another image has others left out
            let gaps = try BijectionLaws.gradientGaps(
                map, normals(4, layout.dims, seed: seed), context: context(4), step: 1e-3, seed: seed
            ).dropFirst()
            #expect(gaps.count == 19 && gaps.allSatisfy { $0 < 1e-2 }, "\(gaps)")
        }
    }

    @Test("dropout: taped passes alone know it, each image by itself, and none is there to find again")
    func dropoutPasses() throws {
        let whole = try map(.causal(reversed: false))
        var map = whole
        map.setDropout(0.4)
        let x = normals(32, layout.dims, seed: 3)
        #expect(try map.forward(x) == whole.forward(x))
        #expect(try map.inverse(x, isCancelled: { false }).x == whole.inverse(x, isCancelled: { false }).x)
        let taped = try map.forwardTaped(x)
        #expect(try taped.z != whole.forwardTaped(x).z)
        for row in [0, 31] {
            let alone = Matrix(
                rows: 1, columns: x.columns, elements: Array(x.elements[row * x.columns..<(row + 1) * x.columns]))
            #expect(try map.forwardTaped(alone).logDet[0] == taped.logDet[row])
        }
        map.setDropout(0)
        #expect(try map.forwardTaped(x).z == whole.forwardTaped(x).z)
    }

    @Test("a causal map's pixel depends on the pixels before it alone", arguments: [false, true])
    func causality(reversed: Bool) throws {
        // affine: a spline leaves alone what is in its tails
        let map = try map(.causal(reversed: reversed), kernel: 5, .affine(logScaleBound: 3))
        let base = normals(1, layout.dims, seed: 7)
        let z = try map.forward(base).z
        let pixels = layout.height * layout.width
        for moved in 0..<pixels {
            var x = base
            x[0, moved * 2] += 1
            let other = try map.forward(x).z
            for pixel in 0..<pixels where pixel != moved {
                let isBefore = reversed ? pixel > moved : pixel < moved
                if isBefore {
                    #expect(other[0, 2 * pixel] == z[0, 2 * pixel] && other[0, 2 * pixel + 1] == z[0, 2 * pixel + 1])
                }
            }
            // the neighbour that follows in its row does depend on it
            let next = reversed ? moved - 1 : moved + 1
            if (0..<pixels).contains(next), next / layout.width == moved / layout.width {
                #expect(other[0, 2 * next] != z[0, 2 * next])
            }
        }
    }

    @Test("the key of a coupling stays as it is, and decides what happens to the rest", arguments: masks.prefix(2))
    func key(_ mask: ImageMask) throws {
        let map = try map(mask)
        let x = normals(1, layout.dims, seed: 8)
        let z = try map.forward(x).z
        let unmoved = (0..<layout.dims).filter { x[0, $0] == z[0, $0] }
        #expect(unmoved.count == layout.dims / 2)
        for moved in 0..<layout.dims {
            var other = x
            other[0, moved] += 1
            let change = try map.forward(other).z
            let others = (0..<layout.dims).filter { $0 != moved && change[0, $0] != z[0, $0] }
            #expect(unmoved.contains(moved) ? !others.isEmpty : others.isEmpty)
        }
    }

    @Test("sizes that make no sense are refused")
    func sizes() {
        #expect(throws: FlowError.self) { try map(.causal(reversed: false), kernel: 1) }
        #expect(throws: FlowError.self) { try map(.channels(keyIsFirst: true), channels: 24) }
        #expect(throws: FlowError.self) {
            try map(.channels(keyIsFirst: true), layout: ImageLayout(height: 2, width: 2, channels: 1))
        }
        #expect(throws: FlowError.self) { try map(.channels(keyIsFirst: true), .spline(bins: 1, tailBound: 3)) }
        #expect(throws: FlowError.self) {
            try Permutation.squeeze(dims: 6, layout: ImageLayout(height: 2, width: 3, channels: 1))
        }
    }

    @Test(
        "each half of a squeezed image's channels is one colour of a checkerboard, and goes back", arguments: [1, 2, 3])
    func checkerboard(channels: Int) throws {
        let layout = ImageLayout(height: 4, width: 6, channels: channels)
        let left = 5
        let dims = layout.dims + left
        let colours = (0..<layout.dims).map { dim in
            let pixel = dim / channels
            return Float((pixel / layout.width + pixel % layout.width) % 2)
        }
        let image = Matrix(rows: 1, columns: dims, elements: colours + Array(repeating: 7, count: left))
        let (squeeze, squeezed) = try Permutation.squeeze(dims: dims, layout: layout)
        let exchange = Permutation.checkerboard(dims: dims, layout: squeezed)
        let flat = try squeeze.forward(image).z
        let exchanged = try exchange.forward(flat).z
        for dim in 0..<layout.dims {
            let isSecond = dim % squeezed.channels >= squeezed.channels / 2
            #expect(exchanged.elements[dim] == (isSecond ? 1 : 0))
        }
        #expect(exchanged.elements.suffix(left) == image.elements.suffix(left))
        let numbered = Matrix(rows: 1, columns: dims, elements: (0..<dims).map(Float.init))
        #expect(try exchange.forward(exchange.forward(numbered).z).z == numbered)
        #expect(try exchange.forward(numbered).z != numbered)
    }

    @Test("a sequential direction stops when it is cancelled")
    func cancellation() throws {
        let map = try map(.causal(reversed: false))
        var looks = 0
        #expect(throws: FlowError.cancelled) {
            try map.inverse(Matrix(rows: 1, columns: layout.dims)) {
                looks += 1
                return looks == 3
            }
        }
        #expect(looks == 3)
    }
}

@Suite("Invertible 1×1 convolution")
struct InvertibleConvolutionTests {
    private let layout = ImageLayout(height: 3, width: 2, channels: 4)

    @Test("starts as a rotation")
    func rotation() throws {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        let map = InvertibleConvolution(dims: layout.dims, layout: layout, random: &random)
        var stream = RandomStream(seed: 2, stream: 0)
        let x = Matrix(rows: 2, columns: layout.dims, elements: (0..<2 * layout.dims).map { _ in stream.normal() })
        let (z, logDet) = try map.forward(x)
        #expect(logDet.allSatisfy { abs($0) < 1e-5 })
        func length(_ matrix: Matrix, _ row: Int) -> Float {
            (0..<layout.dims).reduce(0) { $0 + matrix[row, $1] * matrix[row, $1] }
        }
        for row in 0..<2 { #expect(abs(length(z, row) / length(x, row) - 1) < 1e-5) }
        #expect(z != x && map.holdsStructuralZeros)
    }

    @Test("initialisation gives every channel mean 0 and standard deviation 1, and can be undone")
    func initialization() throws {
        var random: RandomStream? = RandomStream(seed: 3, stream: 0)
        var map = InvertibleConvolution(dims: layout.dims, layout: layout, random: &random)
        var stream = RandomStream(seed: 4, stream: 0)
        let x = Matrix(
            rows: 50, columns: layout.dims,
            elements: (0..<50 * layout.dims).map { Float($0 % 4) + Float(1 + $0 % 3) * stream.normal() })
        try map.initialize(from: x)
        let z = try map.forward(x).z
        for c in 0..<4 {
            let values = (0..<50).flatMap { row in (0..<6).map { z[row, $0 * 4 + c] } }
            let mean = values.reduce(0, +) / 300
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 300
            #expect(abs(mean) < 1e-4 && abs(variance - 1) < 1e-4)
        }
        let back = try map.inverse(z, isCancelled: { false }).x
        #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($0)) })
    }

    @Test(
        "as many channels as every type of a model file counts exactly, and no more",
        arguments: [(64, true), (65, false)])
    func channels(channels: Int, isAllowed: Bool) throws {
        let plan = ImagePlan(
            layout: ImageLayout(height: 2, width: 2, channels: channels), steps: [.squeeze, .invertibleConvolution],
            conditioner: ConditionerShape(hidden: [16]), kernel: 3, isGated: false,
            transform: .affine(logScaleBound: 3))
        if isAllowed {
            #expect(try plan.layers(seed: nil).count == 2)
        } else {
            #expect(
                throws: FlowError.outOfRange(argument: "channels at a scale", value: "260", allowed: "at most 256")
            ) { try plan.layers(seed: nil) }
        }
    }

    @Test("what is no triangle, no permutation or no sign is found")
    func structure() {
        var random: RandomStream? = RandomStream(seed: 5, stream: 0)
        let map = InvertibleConvolution(dims: layout.dims, layout: layout, random: &random)
        for (name, element, value) in [
            ("lower", 0, Float(1)), ("upper", 4, 1), ("permutation", 0, 7), ("sign", 0, 0.5),
        ] {
            var other = map
            other.visitParameters { info, values in if info.name == name { values[element] = value } }
            #expect(!other.holdsStructuralZeros, "\(name)")
            other.restoreStructuralZeros()
            #expect(other.holdsStructuralZeros, "\(name)")
        }
        var same = map
        same.restoreStructuralZeros()
        #expect(same.gradientFreeParameters() == map.gradientFreeParameters())
    }
}

extension Bijection {
    /// All parameters, one after another.
    fileprivate func gradientFreeParameters() -> [Float] {
        var all: [Float] = []
        var copy = self
        copy.visitParameters { _, values in all += values }
        return all
    }
}
