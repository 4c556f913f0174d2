import FlowCore
import FlowModels
import Testing

@Suite("Preprocessing and bits/dim")
struct PreprocessingTests {
    /// One dimension, x = 127, u = 1/2: y = 127.5/256, s = y for tiny α; the logit's derivative is 1/(s(1−s)).
    @Test("the logit and its log-det equal a hand computation")
    func byHand() throws {
        let preprocessing = try Preprocessing(levels: 256, logitAlpha: 0.05)
        var w: [Float] = [0]
        var span = w.mutableSpan
        let logDet = preprocessing.flowInput(pixels: [127], noise: [0.5], w: &span)
        // s = 0.05 + 0.9·127.5/256 = 0.498242…; ln(s/(1−s)) = −0.0070312790; ln 0.9 − ln(s(1−s)) = 1.2809462
        #expect(abs(w[0] + 0.007_031_279) < 1e-7)
        #expect(abs(logDet - 1.280_946_2) < 1e-6)
    }

    /// 2 dimensions, 4 levels, log p(y) = 1 nat: −(1 − 2·ln 4)/(2·ln 2) = 2 − 1/(2·ln 2).
    @Test("bits/dim equals a hand computation, for any number of levels")
    func bits() {
        #expect(abs(bitsPerDim(logProb: 1, dims: 2, levels: 4) - 1.278_652_479_555_518) < 1e-12)
        // the uniform density on [0, 1)^D gives every image the same probability: log2(levels) bits a dimension
        #expect(abs(bitsPerDim(logProb: 0, dims: 784, levels: 256) - 8) < 1e-12)
        #expect(abs(bitsPerDim(logProb: 0, dims: 64, levels: 17) - 4.087_462_841_250_339) < 1e-12)
    }

    @Test("an image comes back from its own logit", arguments: [2, 17, 256], [1e-6, 1e-2])
    func roundTrip(levels: Int, alpha: Double) throws {
        let preprocessing = try Preprocessing(levels: levels, logitAlpha: alpha)
        let pixels = (0..<levels).map { UInt8($0) }
        var w = [Float](repeating: 0, count: levels)
        var span = w.mutableSpan
        let logDet = preprocessing.flowInput(
            pixels: pixels[...], noise: Array(repeating: 0.5, count: levels), w: &span)
        let back = try #require(preprocessing.image(from: w[...]))
        #expect(back.pixels == pixels)
        #expect(abs(back.logDet - logDet) < 1e-3 * Double(levels))
    }

    /// The density of w under the logistic map of uniform y is the standard logistic's, for any number of levels.
    @Test("the log-det is the derivative of the logit, by finite differences", arguments: [2, 17, 256])
    func derivative(levels: Int) throws {
        let preprocessing = try Preprocessing(levels: levels, logitAlpha: 1e-3)
        var w: [Float] = [0, 0, 0]
        var span = w.mutableSpan
        _ = preprocessing.flowInput(pixels: [1, 1, 1], noise: [0.49, 0.5, 0.51], w: &span)
        var single: [Float] = [0]
        var singleSpan = single.mutableSpan
        let logDet = preprocessing.flowInput(pixels: [1], noise: [0.5], w: &singleSpan)
        let numeric = Double(w[2] - w[0]) / (0.02 / Double(levels))
        #expect(abs(numeric.logarithm - logDet) < 1e-3)
    }

    @Test("values beyond the flow's reach become the first and the last level, and NaN is no image")
    func extremes() throws {
        let preprocessing = try Preprocessing(levels: 17, logitAlpha: 1e-6)
        #expect(preprocessing.image(from: [-80, 80])?.pixels == [0, 16])
        #expect(preprocessing.image(from: [0, .nan]) == nil)
    }

    @Test("levels and alpha are checked on both sides")
    func limits() throws {
        _ = try Preprocessing(levels: 2, logitAlpha: 0.49)
        _ = try Preprocessing(levels: 256, logitAlpha: 1e-9)
        #expect(throws: FlowError.self) { try Preprocessing(levels: 1, logitAlpha: 0.1) }
        #expect(throws: FlowError.self) { try Preprocessing(levels: 257, logitAlpha: 0.1) }
        #expect(throws: FlowError.self) { try Preprocessing(levels: 2, logitAlpha: 0) }
        #expect(throws: FlowError.self) { try Preprocessing(levels: 2, logitAlpha: 0.5) }
    }
}
