import FlowCore
import Testing

@testable import FlowTraining

@Suite("Adam")
struct AdamTests {
    static let plain = Adam.Settings(learningRate: 0.1, clipNorm: 0, weightDecay: 0, averageDecay: 0)

    @Test("two steps are those of the paper, by hand")
    func handComputed() {
        var flow = PlainParameters([([1], [1])])
        var adam = Adam(flow: flow)
        // m = 0.05, v = 0.00025: m̂/√v̂ = 1
        #expect(adam.step(&flow, parts: [[[0.5]]], settings: Self.plain, threads: 1) == 0.5)
        #expect(abs(flow.arrays[0][0] - 0.9) < 1e-6)
        // m = −0.055, v = 0.00124975; m̂ = −0.055/0.19, v̂ = 0.00124975/0.001999
        #expect(adam.step(&flow, parts: [[[-1]]], settings: Self.plain, threads: 1) == 1)
        #expect(abs(flow.arrays[0][0] - 0.936_610_3) < 1e-6)
    }

    @Test("a gradient is clipped to the norm over all arrays")
    func clipping() {
        var flow = PlainParameters([([1], [0]), ([2], [0, 0])])
        var adam = Adam(flow: flow)
        var settings = Self.plain
        settings.clipNorm = 1
        let norm = adam.step(&flow, parts: [[[3], [0, 4]]], settings: settings, threads: 1)
        #expect(norm == 5)
        #expect(abs(adam.memory[0].first[0] - 0.1 * 3 / 5) < 1e-7)
        #expect(abs(adam.memory[1].first[1] - 0.1 * 4 / 5) < 1e-7)
        // a short one is left alone
        adam = Adam(flow: flow)
        _ = adam.step(&flow, parts: [[[0.3], [0, 0.4]]], settings: settings, threads: 1)
        #expect(abs(adam.memory[0].first[0] - 0.03) < 1e-7)
    }

    @Test("weight decay shrinks matrices by rate times decay and leaves vectors alone")
    func weightDecay() {
        var flow = PlainParameters([([1, 2], [1, -2]), ([2], [1, -2])])
        var adam = Adam(flow: flow)
        var settings = Self.plain
        settings.weightDecay = 0.5
        _ = adam.step(&flow, parts: [[[0, 0], [0, 0]]], settings: settings, threads: 1)
        #expect(flow.arrays == [[0.95, -1.9], [1, -2]])
    }

    @Test("the average's decay rises to its limit, and the average follows the weights")
    func average() {
        #expect(Adam.averageDecay(0.999, step: 1) == 2.0 / 11)
        #expect(Adam.averageDecay(0.999, step: 100_000) == 0.999)
        #expect(Adam.averageDecay(0, step: 7) == 0)
        var flow = PlainParameters([([1], [1])])
        var adam = Adam(flow: flow)
        var settings = Self.plain
        settings.averageDecay = 0.999
        _ = adam.step(&flow, parts: [[[1]]], settings: settings, threads: 1)
        let expected = 2.0 / 11 * 1 + 9.0 / 11 * Double(flow.arrays[0][0])
        #expect(abs(Double(adam.memory[0].average[0]) - expected) < 1e-6)
        // without decay the average is the weight, bit for bit
        _ = adam.step(&flow, parts: [[[1]]], settings: Self.plain, threads: 1)
        #expect(adam.memory[0].average == flow.arrays[0])
    }

    @Test("parts add up, and threads do not change a bit")
    func partsAndThreads() {
        // several blocks and a tail
        let count = 3 * 4096 + 37
        var source = RandomStream(seed: 3, stream: 0)
        func random() -> [Float] { (0..<count).map { _ in source.normal() } }
        let weights = random()
        let parts = [[random()], [random()]]
        let sum = [[zip(parts[0][0], parts[1][0]).map { $0 + $1 }]]
        func result(_ parts: [[[Float]]], threads: Int) -> (Adam, PlainParameters, Double) {
            var flow = PlainParameters([([count], weights)])
            var adam = Adam(flow: flow)
            var norm = 0.0
            for _ in 0..<3 { norm = adam.step(&flow, parts: parts, settings: Self.plain, threads: threads) }
            return (adam, flow, norm)
        }
        let one = result(parts, threads: 1)
        for other in [result(parts, threads: 4), result(sum, threads: 1)] {
            #expect(one.0 == other.0)
            #expect(one.1.arrays == other.1.arrays)
            #expect(one.2 == other.2)
        }
        let naive = sum[0][0].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(one.2 - naive) < 1e-9 * naive)
    }

    @Test("a gradient that is not finite changes nothing", arguments: [Float.nan, .infinity])
    func notFinite(_ bad: Float) {
        var flow = PlainParameters([([2], [1, 2])])
        var adam = Adam(flow: flow)
        let before = adam
        let norm = adam.step(&flow, parts: [[[0, bad]]], settings: Self.plain, threads: 1)
        #expect(!norm.isFinite)
        #expect(adam == before)
        #expect(flow.arrays == [[1, 2]])
    }

    @Test("the quick square root is within 5e-7 of the exact one, and exact at zero")
    func squareRoot() {
        #expect(root(0) == 0)
        #expect(root(.infinity).isFinite)
        for exponent in stride(from: Float(-36), through: 36, by: 0.37) {
            let x = Float(signOf: 1, magnitudeOf: pow10(exponent))
            #expect(abs(root(x) / x.squareRoot() - 1) < 5e-7)
        }
    }

    private func pow10(_ exponent: Float) -> Float {
        let whole = Int(exponent.rounded(.down))
        let power = (0..<abs(whole)).reduce(Float(1)) { result, _ in whole < 0 ? result / 10 : result * 10 }
        return power * (1 + 9 * (exponent - Float(whole)))
    }
}
