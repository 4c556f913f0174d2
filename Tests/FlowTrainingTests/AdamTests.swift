import FlowCore
import Testing

@testable import FlowTraining

@Suite("Adam")
struct AdamTests {
    static let plain = Adam.Settings(learningRate: 0.1, clipNorm: 0, weightDecay: 0, averageDecay: 0)

    private func gradient(_ flow: PlainParameters, _ arrays: [[Float]], threads: Int = 1) -> BatchGradient {
        var gradient = BatchGradient(infos: flow.infos)
        let gradients = zip(flow.infos, arrays).map { info, values in
            let columns = info.shape.dropFirst().reduce(1, *)
            return ParameterGradient(info: info) { rows, span in
                for i in 0..<span.count { span[i] = values[rows.lowerBound * columns + i] }
            }
        }
        gradient.set(gradients, threads: threads)
        return gradient
    }

    /// One step against a gradient of these arrays.
    /// - Returns: the gradient's norm.
    private func step(
        _ adam: inout Adam, _ flow: inout PlainParameters, _ arrays: [[Float]], _ settings: Adam.Settings = plain,
        threads: Int = 1
    ) -> Double {
        let gradient = gradient(flow, arrays, threads: threads)
        adam.step(&flow, gradient: gradient, settings: settings, threads: threads)
        return gradient.norm
    }

    @Test("two steps are those of the paper, by hand")
    func handComputed() {
        var flow = PlainParameters([([1], [1])])
        var adam = Adam(flow: flow)
        // m = 0.05, v = 0.00025: m̂/√v̂ = 1
        #expect(step(&adam, &flow, [[0.5]]) == 0.5)
        #expect(abs(flow.arrays[0][0] - 0.9) < 1e-6)
        // m = −0.055, v = 0.00124975; m̂ = −0.055/0.19, v̂ = 0.00124975/0.001999
        #expect(step(&adam, &flow, [[-1]]) == 1)
        #expect(abs(flow.arrays[0][0] - 0.936_610_3) < 1e-6)
    }

    @Test("a gradient is clipped to the norm over all arrays")
    func clipping() {
        var flow = PlainParameters([([1], [0]), ([2], [0, 0])])
        var adam = Adam(flow: flow)
        var settings = Self.plain
        settings.clipNorm = 1
        let norm = step(&adam, &flow, [[3], [0, 4]], settings)
        #expect(norm == 5)
        #expect(abs(adam.moments[0].first[0] - 0.1 * 3 / 5) < 1e-7)
        #expect(abs(adam.moments[1].first[1] - 0.1 * 4 / 5) < 1e-7)
        // a short one is left alone
        adam = Adam(flow: flow)
        _ = step(&adam, &flow, [[0.3], [0, 0.4]], settings)
        #expect(abs(adam.moments[0].first[0] - 0.03) < 1e-7)
    }

    @Test("weight decay shrinks matrices by rate times decay and leaves vectors alone")
    func weightDecay() {
        var flow = PlainParameters([([1, 2], [1, -2]), ([2], [1, -2])])
        var adam = Adam(flow: flow)
        var settings = Self.plain
        settings.weightDecay = 0.5
        _ = step(&adam, &flow, [[0, 0], [0, 0]], settings)
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
        _ = step(&adam, &flow, [[1]], settings)
        let expected = 2.0 / 11 * 1 + 9.0 / 11 * Double(flow.arrays[0][0])
        #expect(abs(Double(adam.moments[0].average[0]) - expected) < 1e-6)
        // without decay the average is the weight, bit for bit
        _ = step(&adam, &flow, [[1]])
        #expect(adam.moments[0].average == flow.arrays[0])
    }

    @Test("threads do not change a bit")
    func threads() {
        // several blocks and a tail
        let count = 3 * ParameterBlock.size + 37
        var source = RandomStream(seed: 3, stream: 0)
        func random() -> [Float] { (0..<count).map { _ in source.normal() } }
        let weights = random()
        let gradient = random()
        func result(threads: Int) -> (Adam, PlainParameters, Double) {
            var flow = PlainParameters([([count], weights)])
            var adam = Adam(flow: flow)
            var norm = 0.0
            for _ in 0..<3 { norm = step(&adam, &flow, [gradient], threads: threads) }
            return (adam, flow, norm)
        }
        let (one, four) = (result(threads: 1), result(threads: 4))
        #expect(one.0 == four.0)
        #expect(one.1.arrays == four.1.arrays)
        #expect(one.2 == four.2)
        let naive = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(one.2 - naive) < 1e-9 * naive)
    }

    @Test("what is never trained keeps every bit, and so does its average")
    func fixed() {
        var flow = PlainParameters([([2], [13, -1]), ([1], [0.1])])
        flow.fixed = [0]
        var adam = Adam(flow: flow)
        for _ in 0..<1000 { _ = step(&adam, &flow, [[0, 0], [0.01]]) }
        #expect(flow.arrays[0] == [13, -1] && adam.moments[0].average == [13, -1])
        #expect(flow.arrays[1] != [0.1])
    }

    @Test("what a mask holds at zero is neither counted nor moved")
    func masks() {
        var flow = PlainParameters([([2, 3], [1, 0, 0, 1, 1, 0])])
        flow.reaches = [[1, 2]]
        var adam = Adam(flow: flow)
        let norm = step(&adam, &flow, [[3, 100, 100, 0, 4, 100]])
        #expect(norm == 5)
        #expect(zip(flow.arrays[0], [0.9, 0, 0, 1, 0.9, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
        // of the three live elements, in a row; the second one's gradient is zero
        let moments = adam.moments[0]
        #expect(zip(moments.first, [0.3, 0, 0.4]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(moments.second.count == 3 && moments.second[1] == 0)
        #expect(moments.average.count == 3 && adam.averages[0].count == 6)
        #expect([1, 2, 5].allSatisfy { adam.averages[0][$0] == 0 } && adam.averages[0][3] == 1)
    }

    @Test("blocks cover every row once", arguments: [[1], [70_000], [3, 2], [500, 1000], [100_000, 3]])
    func blocks(_ shape: [Int]) {
        let info = ParameterInfo(name: "a", shape: shape)
        let masked = ParameterInfo(
            name: "b", shape: [shape[0], 10], reach: (0..<shape[0]).map { $0 * 10 / shape[0] })
        let blocks = ParameterBlock.covering([info, masked])
        for p in 0..<2 {
            var (next, live) = (0, 0)
            for block in blocks where block.parameter == p {
                #expect(block.rows.lowerBound == next && !block.rows.isEmpty)
                next = block.rows.upperBound
                // the runs follow one another among the live elements
                #expect(block.live.lowerBound == live)
                block.forEachLiveRun { run, before in
                    #expect(before == live - block.live.lowerBound)
                    live += run.count
                }
                #expect(block.live.upperBound == live)
            }
            #expect(next == shape[0] && live == [info, masked][p].liveCount)
        }
    }

    @Test("a gradient that is not finite changes nothing", arguments: [Float.nan, .infinity])
    func notFinite(_ bad: Float) {
        var flow = PlainParameters([([2], [1, 2])])
        var adam = Adam(flow: flow)
        let before = adam
        let norm = step(&adam, &flow, [[0, bad]])
        #expect(!norm.isFinite)
        #expect(adam == before)
        #expect(flow.arrays == [[1, 2]])
    }
}
