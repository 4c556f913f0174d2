import FlowCore
import FlowKernels
import FlowModels
import FoundationEssentials
import Glibc
import System
import TestSupport
import Testing

@Suite("Variational dequantization")
struct DequantizerTests {
    private static let sizes: Sizes = ["layers": 2, "hidden": [9, 7]]

    private func pixels(_ seed: UInt64, levels: Int = 256, count: Int = 6) -> [UInt8] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<count).map { _ in UInt8(random.uniform() * Float(levels)) }
    }

    /// `log p(y) − log q(u | x)` of one row, from the parts and in double precision where it can be.
    private func logRatio(
        _ model: DensityModel, _ pixels: [UInt8], draw: UInt64
    ) throws -> (ratio: Double, logQ: Double) {
        let dequantizer = try #require(model.dequantizer)
        let dims = pixels.count
        let digest = SHA256.digest(Array(model.record.name.utf8) + [0] + pixels)
        let seed = digest[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        var epsilon = Matrix(rows: 1, columns: dims)
        var span = epsilon.elements.mutableSpan
        RandomStream.normals(seed: seed, stream: draw, to: &span, count: dims)
        let top = Float(model.record.levels - 1)
        let context = Matrix(rows: 1, columns: dims, elements: pixels.map { 2 * Float($0) / top - 1 })
        let (v, logDet, _) = try dequantizer.map.forwardTaped(epsilon, context: context)
        let noise = v.elements.map { Float(0.5 * erfc(-Double($0) * 0.5.squareRoot())) }
        let logQ =
            standardNormalLogDensity(epsilon)[0] - Double(logDet[0]) - standardNormalLogDensity(v)[0]
        var w = Matrix(rows: 1, columns: dims)
        var wSpan = w.elements.mutableSpan
        let logits = model.preprocessing.flowInput(pixels: pixels[...], noise: noise, w: &wSpan)
        let (z, flowLogDet) = try model.flow.forward(w)
        return (standardNormalLogDensity(z)[0] + Double(flowLogDet[0]) + logits - logQ, logQ)
    }

    @Test(
        "the answer is log p(y) − log q(u | x) of the noise that the image and the draw stand for", arguments: [2, 256])
    func definition(levels: Int) throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self, levels: levels, dequantizer: Self.sizes)
        var largest = 0.0
        for image in 0..<10 {
            let pixels = pixels(UInt64(image), levels: levels)
            let draw = UInt32(image % 3)
            let answer = try model.logDensities(
                of: [DensityRow(pixels: pixels, draw: draw)], isCancelled: { false })[0]
            let expected = try logRatio(model, pixels, draw: UInt64(draw))
            // single precision, through two flows of six dimensions
            #expect(abs(answer - expected.ratio) < 1e-4)
            largest = max(largest, abs(expected.logQ))
        }
        #expect(largest > 0.1, "the noise is not uniform")
    }

    @Test("without training the noise is uniform, and log q is 0 to the last bit")
    func start() throws {
        let shape = EventShape(height: 2, width: 3, channels: 1)
        let tiny = try tinyModel(MaskedAutoregressiveFlow.self, dequantizer: Self.sizes)
        let model = try DensityModel(
            flow: tiny.flow, dequantizer: Dequantizer(shape: shape, sizes: Self.sizes, seed: 7), record: tiny.record)
        #expect(try logRatio(model, pixels(1), draw: 0).logQ == 0)
        var noise = [Float](repeating: 0, count: 3)
        Dequantizer.setNoise(&noise, of: [-40, 0, 40], 0, count: 3)
        #expect(noise == [0, 0.5, 1])
    }

    /// `∫ q(u | x) du = E_q[1] = 1`, and so `E[exp(−log q)]` over the draws is the area of the unit square.
    @Test("q is a density: the mean of 1/q over its own draws is 1")
    func normalization() throws {
        let shape = EventShape(height: 1, width: 2, channels: 1)
        var dequantizer = try Dequantizer(shape: shape, sizes: ["layers": 2, "hidden": [8]], seed: 1)
        var random = RandomStream(seed: 5, stream: 0)
        dequantizer.visitParameters { _, values in for i in values.indices { values[i] += 0.15 * random.normal() } }
        let count = 40_000
        let epsilon = Matrix(rows: count, columns: 2, elements: (0..<2 * count).map { _ in random.normal() })
        let context = Matrix(rows: count, columns: 2, elements: (0..<2 * count).map { $0 % 2 == 0 ? -0.3 : 0.8 })
        let (v, logDet) = try FlowEngine(dequantizer.map).forward(epsilon, context: context)
        let (ofEpsilon, ofV) = (standardNormalLogDensity(epsilon), standardNormalLogDensity(v))
        let weights = (0..<count).map { exp(ofV[$0] + Double(logDet[$0]) - ofEpsilon[$0]) }
        let mean = weights.reduce(0, +) / Double(count)
        let variance = weights.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        #expect(variance > 0.01, "it is not uniform")
        // five standard errors
        #expect(abs(mean - 1) < 5 * (variance / Double(count)).squareRoot())
    }

    /// A cell's probability is the flow's integral over it, by the midpoint rule in the flow's own coordinates, where it is
    /// smooth; and it is `E_q[p/q]` over the cell, whatever `q` is, with the mean of the logarithms below.
    @Test("draws come to the probability of an image, with either noise, and bounds lie below it and tighten")
    func probability() throws {
        let shape = EventShape(height: 1, width: 2, channels: 1)
        let sizes: Sizes = ["layers": 2, "hidden": [6], "log_scale_bound": 2, "activation": "tanh"]
        let flow = BijectionLaws.perturbed(
            try MaskedAutoregressiveFlow(shape: shape, sizes: sizes, seed: 1), scale: 0.3, seed: 2)
        var dequantizer = try Dequantizer(shape: shape, sizes: ["layers": 2, "hidden": [8]], seed: 1)
        var random = RandomStream(seed: 5, stream: 0)
        dequantizer.visitParameters { _, values in for i in values.indices { values[i] += 0.15 * random.normal() } }
        func model(_ dequantizer: Dequantizer?) throws -> any ImageDensity {
            try DensityModel(
                flow: flow, dequantizer: dequantizer,
                record: ModelRecord(
                    name: "toy", architecture: "maf", sizes: sizes, eventShape: shape, levels: 2,
                    dequantization: ModelRecord.dequantization(dequantizer?.sizes), dequantizer: dequantizer?.sizes,
                    logitAlpha: 1e-3, classes: [], parameterCount: 0, check: CheckVector(pixels: [0, 0], logProb: 0)))
        }
        let edge = log(999.0)  // the logit of 0.999: w of y = 1
        let side = 200
        let width = edge / Double(side)
        let models = try [model(nil), model(dequantizer)]
        for image: [UInt8] in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let grid = Matrix(
                rows: side * side, columns: 2,
                elements: (0..<side * side).flatMap { place in
                    zip([place / side, place % side], image).map { i, x in
                        Float((Double(i) + 0.5) * width - (x == 0 ? edge : 0))
                    }
                })
            let (z, logDet) = try FlowEngine(flow).forward(grid)
            let exact = log(
                zip(standardNormalLogDensity(z), logDet).reduce(0) { $0 + exp($1.0 + Double($1.1)) } * width * width)
            for model in models {
                let count = 20_000
                let logs = try model.logDensities(
                    of: (0..<UInt32(count)).map { DensityRow(pixels: image, draw: $0) }, isCancelled: { false }
                ).map { $0 - log(4) }  // a cell has area 1/4
                func bound(_ draws: Int) -> Double {
                    let groups = stride(from: 0, to: count, by: draws).map {
                        logSumExp(Array(logs[$0..<$0 + draws])) - log(Double(draws))
                    }
                    return groups.reduce(0, +) / Double(groups.count)
                }
                let all = bound(count)
                #expect(bound(1) < bound(10) && bound(10) < all)
                // five standard errors, by the delta method
                let squares = logs.reduce(0) { $0 + (exp($1 - all) - 1) * (exp($1 - all) - 1) }
                let error = (squares / Double(count) / Double(count)).squareRoot()
                #expect(abs(all - exact) < 5 * error + 1e-3, "\(image): \(all), \(exact) ± \(error)")
                #expect(bound(1) < exact && bound(10) < exact)
            }
        }
    }

    @Test("a row has the same bits alone, in any batch and beside rows of the same image")
    func invariance() throws {
        let prior = [0.5, 0.2, 0.3]
        let model = try tinyModel(AffineCouplingFlow.self, classPrior: prior, dequantizer: Self.sizes)
        let rows = (0..<150).map { i in
            DensityRow(pixels: pixels(UInt64(i / 5 % 7)), draw: UInt32(i / 3 % 2), classIndex: i % 4 == 3 ? nil : i % 4)
        }
        let together = try model.densities(of: rows, isCancelled: { false })
        for (row, density) in zip(rows, together) {
            #expect(try model.densities(of: [row], isCancelled: { false }) == [density])
        }
        let whole = together[3]
        #expect(whole.classLogProbs.count == 3)
        // one noise for every class, so that Bayes' rule compares the same point
        let sum = zip(prior, whole.classLogProbs).reduce(0) { $0 + $1.0 * exp($1.1 - whole.logProb) }
        #expect(abs(sum - 1) < 1e-9)
    }

    @Test("draws and names change the noise, samples do not look at it")
    func noise() throws {
        let model = try tinyModel(AffineCouplingFlow.self, dequantizer: Self.sizes)
        let other = try tinyModel(AffineCouplingFlow.self, name: "other", dequantizer: Self.sizes)
        let plain = try tinyModel(AffineCouplingFlow.self)
        let rows = [0, 1].map { DensityRow(pixels: pixels(1), draw: $0) }
        let logs = try model.logDensities(of: rows, isCancelled: { false })
        #expect(logs[0] != logs[1])
        #expect(try other.logDensities(of: rows, isCancelled: { false })[0] != logs[0])
        let sample = SampleRow(seed: 2, index: 5)
        #expect(
            try model.sample([sample], isCancelled: { false }) == plain.sample([sample], isCancelled: { false }))
    }

    @Test("a file keeps the dequantizer, in any precision of tensors and weights")
    func file() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self, dequantizer: Self.sizes)
        let bytes = try ModelFile.encode(model, precision: .float32)
        let loaded = unsafe try ModelFile.load(bytes.span.bytes)
        var expected = model.record
        expected.check.logProb = loaded.record.check.logProb
        #expect(loaded.record == expected && loaded.record.dequantizer == Self.sizes)
        let row = DensityRow(pixels: pixels(3), draw: 2)
        let answer = try model.logDensities(of: [row], isCancelled: { false })
        #expect(try loaded.logDensities(of: [row], isCancelled: { false }) == answer)
        let half = unsafe try ModelFile.load(bytes.span.bytes, precision: .bf16)
        let rounded = try half.logDensities(of: [row], isCancelled: { false })
        #expect(rounded != answer && abs(rounded[0] - answer[0]) < 0.3)
        let small = try ModelFile.encode(model, precision: .bfloat16)
        #expect(unsafe (try ModelFile.load(small.span.bytes)).record.dequantizer == Self.sizes)
        // and what has none says nothing of one
        let uniform = try ModelFile.encode(tinyModel(MaskedAutoregressiveFlow.self), precision: .float32)
        #expect(!String(decoding: uniform.prefix(4000), as: UTF8.self).contains("dequantizer"))
    }

    @Test("a file whose dequantizer is not what its record says is refused")
    func badFile() throws {
        func error(_ sizes: Sizes?, _ kind: String) throws -> ModelFileError? {
            let model = try tinyModel(MaskedAutoregressiveFlow.self, dequantizer: Self.sizes)
            let bytes = try ModelFile.encode(model, precision: .float32)
            var header = Array(bytes[8...])
            // without its hash, or the file would only be called damaged
            let hash = try #require(header.firstRange(of: Array("\"sha256\"".utf8)))
            header.replaceSubrange(hash, with: Array("\"former\"".utf8))
            let own = Array(#"\"dequantization\":\"variational\",\"dequantizer\":{\"hidden\":[9,7],\"layers\":2}"#.utf8)
            let json =
                sizes.map {
                    #",\"dequantizer\":{\"hidden\":\#($0[Dequantizer.hidden]),\"layers\":\#($0[Dequantizer.layers])}"#
                } ?? ""
            let other = Array(
                #"\"dequantization\":\"\#(kind)\"\#(json.replacing(", ", with: ","))"#.utf8)
            let place = try #require(header.indices.first { header[$0...].starts(with: own) })
            header.replaceSubrange(place..<place + own.count, with: other)
            let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << (8 * $1) }
            let changed = UInt64(Int(length) + other.count - own.count)
            let file = (0..<8).map { UInt8(truncatingIfNeeded: changed >> (8 * $0)) } + header
            do {
                _ = unsafe try ModelFile.load(file.span.bytes)
                return nil
            } catch {
                return error as? ModelFileError
            }
        }
        #expect(try error(Self.sizes, "variational") == nil)
        for (sizes, kind, field) in [
            (nil, "variational", "dequantizer"), (Self.sizes, "uniform", "dequantizer"),
            (Self.sizes, "other", "dequantization"),
            (["layers": 0, "hidden": [9, 7]], "variational", "dequantizer.layers"),
            (["layers": 1025, "hidden": [9, 7]], "variational", "dequantizer.layers"),
            (["layers": 2, "hidden": []], "variational", "dequantizer.hidden"),
            (["layers": 2, "hidden": [0]], "variational", "dequantizer.hidden"),
        ] as [(Sizes?, String, String)] {
            guard case .badRecord(field, _) = try error(sizes, kind) else {
                Issue.record("\(field)")
                continue
            }
        }
        // sizes that would be terabytes, others than the file's, and the flow's tensors alone
        guard
            case .tooManyElements = try error(
                ["layers": 1024, "hidden": [1 << 20, 1 << 20]], "variational")
        else {
            Issue.record("terabytes")
            return
        }
        for sizes in [["layers": 2, "hidden": [9, 8]], nil] as [Sizes?] {
            guard case .wrongParameterCount = try error(sizes, sizes == nil ? "uniform" : "variational") else {
                Issue.record("not refused")
                continue
            }
        }
    }

    @Test("a model needs the dequantizer that its record names, and images of two dimensions at least")
    func refusals() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self, dequantizer: Self.sizes)
        let plain = try tinyModel(MaskedAutoregressiveFlow.self)
        #expect(throws: FlowError.self) { try DensityModel(flow: model.flow, record: model.record) }
        #expect(throws: FlowError.self) {
            try DensityModel(flow: plain.flow, dequantizer: model.dequantizer, record: plain.record)
        }
        let other = try Dequantizer(
            shape: EventShape(height: 1, width: 5, channels: 1), sizes: Self.sizes, seed: nil)
        #expect(throws: FlowError.widthMismatch(argument: "dequantizer", expected: 6, actual: 5)) {
            try DensityModel(flow: model.flow, dequantizer: other, record: model.record)
        }
        #expect(throws: FlowError.self) {
            try Dequantizer(shape: EventShape(height: 1, width: 1, channels: 1), sizes: Self.sizes, seed: nil)
        }
    }

    /// Central differences of `c · w + d · log-det` in double precision, with what the function computes in single precision.
    @Test("the gradient by the noise equals finite differences", arguments: [2, 17, 256])
    func noiseGradient(levels: Int) throws {
        let preprocessing = try Preprocessing(levels: levels, logitAlpha: 1e-2)
        let pixels: [UInt8] = [0, 1, UInt8(levels - 1), UInt8(levels / 2)]
        let noise: [Float] = [0.2, 0.5, 0.9, 0.01]
        let dw: [Float] = [0.7, -1.2, 0.4, 2]
        let dLogDet = -0.3
        func loss(_ noise: [Float]) -> Double {
            var w = [Float](repeating: 0, count: 4)
            var span = w.mutableSpan
            let logDet = preprocessing.flowInput(pixels: pixels[...], noise: noise, w: &span)
            return zip(w, dw).reduce(dLogDet * logDet) { $0 + Double($1.0) * Double($1.1) }
        }
        var gradient = [0] + dw
        preprocessing.pullBack(
            dw: &gradient, offset: 1, dLogDet: dLogDet, pixels: pixels[...], noise: noise[...])
        #expect(gradient[0] == 0)
        for j in 0..<4 {
            let step: Float = 0.005
            var (up, down) = (noise, noise)
            up[j] += step
            down[j] -= step
            let numeric = (loss(up) - loss(down)) / Double(up[j] - down[j])
            #expect(abs(numeric - Double(gradient[j + 1])) < 2e-3 * max(1, abs(numeric)), "\(j)")
        }
    }
}
