import FlowCore
import FlowKernels
import Glibc
import TestSupport
import Testing

@testable import FlowLayers

@Suite("Beliefs about a context")
struct ContextBeliefTests {
    private static let layout = ImageLayout(height: 3, width: 4, channels: 2)

    private func map(
        _ mask: ImageMask = .causal(reversed: false), layout: ImageLayout = layout, classes: Int = 3,
        belief: [Int] = [16, 16], kernel: Int = 3
    ) throws -> ImageMap {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        let map = try ImageMap(
            dims: layout.dims, layout: layout, mask: mask,
            shape: ConvolutionalShape(
                channels: 16, blocks: 2, kernel: kernel, isGated: true, activation: .gelu, contextDims: classes),
            belief: belief, transform: .spline(bins: 4, tailBound: 3), random: &random)
        return BijectionLaws.perturbed(map, scale: 0.2, seed: 2)
    }

    private func normals(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, stream: 0)
        return Matrix(rows: rows, columns: columns, elements: (0..<rows * columns).map { _ in random.normal() })
    }

    /// Zeros, but for every third row, which is one-hot.
    private func context(_ rows: Int) -> Matrix {
        var context = Matrix(rows: rows, columns: 3)
        for r in stride(from: 2, to: rows, by: 3) { context[r, r % 2] = 1 }
        return context
    }

    @Test("without a context the two directions undo each other", arguments: [false, true])
    func roundTrip(_ reversed: Bool) throws {
        let map = try map(.causal(reversed: reversed))
        let engine = FlowEngine(map)
        #expect(engine.infersContext)
        let (x, context) = (normals(37, map.dims, seed: 3), context(37))
        let (z, logDet) = try engine.forward(x, context: context)
        let (back, inverseLogDet) = try engine.inverse(z, context: context)
        #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(zip(logDet, inverseLogDet).allSatisfy { abs($0 + $1) < 1e-3 })
        // each row for itself, whatever stands beside it
        for r in [0, 1, 2, 36] {
            func row(_ matrix: Matrix) -> Matrix {
                let width = matrix.columns
                return Matrix(
                    rows: 1, columns: width, elements: Array(matrix.elements[r * width..<(r + 1) * width]))
            }
            let alone = try engine.forward(row(x), context: row(context))
            #expect(alone.z.elements == row(z).elements && alone.logDet[0] == logDet[r])
            let inverse = try engine.inverse(row(z), context: row(context))
            #expect(inverse.x.elements == row(back).elements && inverse.logDet[0] == inverseLogDet[r])
        }
    }

    @Test("the log-determinant is the Jacobian's, which is triangular")
    func jacobian() throws {
        let map = WithoutContext(map: try map(layout: ImageLayout(height: 2, width: 3, channels: 1)))
        #expect(try BijectionLaws.jacobianGap(map, normals(4, map.dims, seed: 4), step: 1e-2) < 2e-2)
        let x = normals(1, map.dims, seed: 5)
        var later = x
        later[0, 4] += 1
        let (first, second) = (try map.forward(x).z, try map.forward(later).z)
        for j in 0..<4 { #expect(abs(first[0, j] - second[0, j]) < 1e-6, "dimension \(j) sees a later one") }
    }

    @Test("the density without a context integrates to one")
    func integral() throws {
        let map = WithoutContext(map: try map(layout: ImageLayout(height: 1, width: 2, channels: 1)))
        #expect(abs(try BijectionLaws.integral(map, bound: 8, cells: 400) - 1) < 2e-3)
    }

    @Test("before training every context is as probable, and one that is certain is as if it were given")
    func beliefs() throws {
        let layout = ImageLayout(height: 2, width: 3, channels: 1)
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        var map = try ImageMap(
            dims: layout.dims, layout: layout, mask: .causal(reversed: false),
            shape: ConvolutionalShape(
                channels: 16, blocks: 2, kernel: 3, isGated: false, activation: .relu, contextDims: 3),
            belief: [16], transform: .affine(logScaleBound: 3), random: &random)
        map.network = BijectionLaws.perturbed(map, scale: 0.2, seed: 2).network
        let x = normals(1, layout.dims, seed: 6)
        func given(_ values: [Float]) throws -> (z: Matrix, logDet: [Float]) {
            try FlowEngine(map).forward(x, context: Matrix(rows: 1, columns: 3, elements: values))
        }
        func isClose(_ a: (z: Matrix, logDet: [Float]), _ b: (z: Matrix, logDet: [Float])) -> Bool {
            abs(a.logDet[0] - b.logDet[0]) < 1e-5 && zip(a.z.elements, b.z.elements).allSatisfy { abs($0 - $1) < 1e-5 }
        }
        let third: Float = 1 / 3
        #expect(isClose(try given([0, 0, 0]), try given([third, third, third])))
        let last = map.belief!.network.layers.count - 1
        map.belief!.network.layers[last].map.biases = [0, 60, 0]
        #expect(isClose(try given([0, 0, 0]), try given([0, 1, 0])))
        #expect(!isClose(try given([0, 0, 0]), try given([1, 0, 0])))
    }

    @Test("gradients of the rest of the map are what they are without a belief")
    func gradients() throws {
        let map = try map()
        var plain = map
        plain.belief = nil
        let x = normals(4, map.dims, seed: 7)
        var context = Matrix(rows: 4, columns: 3)
        for r in 0..<4 { context[r, r % 3] = 1 }
        func pass(_ map: ImageMap) throws -> (dx: Matrix, gradients: [[Float]]) {
            var (z, _, tape) = try map.forwardTaped(x, context: context)
            for i in z.elements.indices { z.elements[i] *= 0.1 }
            let dx = map.backward(Cotangent(dz: z, dLogDet: [-1, -1, -0.5, -1]), through: &tape)
            return (dx, map.gradients(of: [tape]))
        }
        let (with, without) = (try pass(map), try pass(plain))
        #expect(with.dx.elements == without.dx.elements)
        #expect(Array(with.gradients.prefix(without.gradients.count)) == without.gradients)
        #expect(with.gradients.count > without.gradients.count)
    }

    @Test("a belief learns the context by the gradient of its mean log-probability")
    func learning() throws {
        let map = try map(layout: ImageLayout(height: 2, width: 3, channels: 1))
        let x = normals(3, map.dims, seed: 8)
        var context = Matrix(rows: 3, columns: 3)
        for r in 0..<3 { context[r, r] = 1 }
        let factors: [Float] = [1, 0.5, 2]
        /// `Σ factor · mean over pixels of log belief[own context]`, in double precision.
        func objective(_ map: ImageMap) -> Double {
            let network = map.belief!.network
            var key = network.buffer(3, channels: 1)
            for r in 0..<3 { map.setKey(x, r, &key) }
            let (scores, _) = network.forwardTaped(key, images: 3, context: nil)
            var sum = 0.0
            for r in 0..<3 {
                var totals = [Double](repeating: 0, count: 3)
                for index in 0..<6 {
                    let place = (r * network.grid.pixels + network.grid.place(of: index)) * network.outputStride
                    for k in 0..<3 { totals[k] += Double(scores[place + k]) }
                    let most = totals.max()!
                    let logSum = most + log(totals.reduce(0) { $0 + exp($1 - most) })
                    sum += Double(factors[r]) * (totals[r] - logSum) / 6
                }
            }
            return sum
        }
        var (z, _, tape) = try map.forwardTaped(x, context: context)
        for i in z.elements.indices { z.elements[i] = 0 }
        _ = map.backward(Cotangent(dz: z, dLogDet: factors), through: &tape)
        var gradients: [String: [Float]] = [:]
        map.visitGradients(of: [tape]) { gradient in
            guard gradient.info.name.hasPrefix("belief.") else { return }
            var values = [Float](repeating: 0, count: gradient.info.shape.reduce(1, *))
            var span = values.mutableSpan
            gradient.compute(0..<gradient.info.shape[0], &span)
            gradients[gradient.info.name] = values
        }
        #expect(gradients.count > 5)
        let step: Float = 1e-2
        for (name, gradient) in gradients {
            // along the gradient itself the difference is its squared length
            let length = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            guard length > 1e-4 else { continue }
            func moved(_ by: Float) -> Double {
                var other = map
                other.visitParameters { info, values in
                    guard info.name == name else { return }
                    for i in values.indices { values[i] += by * gradient[i] / Float(length) }
                }
                return objective(other)
            }
            let slope = (moved(step) - moved(-step)) / Double(2 * step)
            #expect(abs(slope - length) < 0.02 * length + 1e-4, "\(name): \(slope) is not \(length)")
        }
    }

    @Test("a taped pass wants a context, and a belief one to believe in")
    func refusals() throws {
        #expect(
            throws: FlowError.outOfRange(argument: "context", value: "zeros", allowed: "one that is given, in training")
        ) {
            _ = try map().forwardTaped(normals(1, Self.layout.dims, seed: 1), context: Matrix(rows: 1, columns: 3))
        }
        #expect(throws: FlowError.self) { _ = try map(classes: 0) }
        #expect(throws: FlowError.self) { _ = try map(.channels(keyIsFirst: true)) }
        #expect(throws: FlowError.self) { _ = try map(belief: [16, 32]) }
        #expect(throws: FlowError.self) { _ = try map(belief: [8]) }
        #expect(try !FlowEngine(map(belief: [])).infersContext)
    }
}

extension ImageMap {
    /// Puts row `r` of `x` into a buffer of keys.
    fileprivate func setKey(_ x: Matrix, _ r: Int, _ key: inout [Float]) {
        transforms.setKey(
            network.grid, x.elements, r * dims, &key, r * network.grid.pixels * network.inputs)
    }
}

/// A map whose context nobody gives.
private struct WithoutContext: Bijection {
    var map: ImageMap

    var dims: Int { map.dims }
    var forwardOrder: ExecutionOrder { map.forwardOrder }
    var inverseOrder: ExecutionOrder { map.inverseOrder }
    private func zeros(_ rows: Int) -> Matrix { Matrix(rows: rows, columns: map.contextDims) }
    func forward(_ x: Matrix) throws -> (z: Matrix, logDet: [Float]) {
        try FlowEngine(map).forward(x, context: zeros(x.rows))
    }
    func inverse(_ z: Matrix, isCancelled: () -> Bool) throws -> (x: Matrix, logDet: [Float]) {
        try FlowEngine(map).inverse(z, context: zeros(z.rows), isCancelled: isCancelled)
    }
    func packed(_ precision: WeightPrecision) -> any PackedBijection { map.packed(precision) }
    func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: ImageMap.Tape) {
        throw FlowError.cancelled
    }
    func tapeBytes(rows: Int) -> Int { map.tapeBytes(rows: rows) }
    func backward(_ cotangent: Cotangent, through tape: inout ImageMap.Tape) -> Matrix { cotangent.dz }
    func visitGradients(of tapes: [ImageMap.Tape], _ body: (ParameterGradient) -> Void) {}
    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try map.visitParameters(body)
    }
}
