import FlowCore
import FlowKernels
import Testing

@Suite("Logit kernels")
struct LogitTests {
    private static let maps = [
        LogitMap(levels: 256, alpha: 1e-6), LogitMap(levels: 17, alpha: 1e-2), LogitMap(levels: 2, alpha: 0.49),
        LogitMap(levels: 256, alpha: 1e-15),
    ]

    private func image(_ map: LogitMap, _ count: Int) -> (pixels: [UInt8], noise: [Float]) {
        var random = RandomStream(seed: 21, stream: UInt64(count))
        let pixels = (0..<count).map { _ in UInt8(random.uniform() * Float(map.levels)) }
        var noise = (0..<count).map { _ in random.uniform() }
        // both ends of the open interval
        let ends: [Float] = [0x1p-24, 1 - 0x1p-24]
        for (j, end) in zip(noise.indices, ends) { noise[j] = end }
        return (pixels, noise)
    }

    @Test("the logit and its log-det, whatever the length", arguments: InstructionSet.allCases, maps.indices)
    func logit(_ set: InstructionSet, _ index: Int) throws {
        guard let kernels = Kernels(set) else { return }
        let map = Self.maps[index]
        for count in Array(1...21) + [784] {
            var (pixels, noise) = image(map, count)
            pixels[0] = 0
            pixels[count - 1] = UInt8(map.levels - 1)
            var w = [Float](repeating: 99, count: count + 2)
            var span = w.mutableSpan
            let logs = kernels.logit(map, pixels: pixels.span, noise: noise.span, to: &span, offset: 1)
            #expect(w[0] == 99 && w[count + 1] == 99)
            var sum = (value: 0.0, size: 0.0)
            for j in 0..<count {
                let (exact, own) = Reference.logit(map, Double(pixels[j]) + Double(noise[j]))
                // two logarithms of one ulp each, then one rounding to single precision
                let bound = Double(Float(abs(exact)).ulp) / 2 + 4 * own.ulp
                #expect(abs(Double(w[1 + j]) - exact) <= bound)
                sum = (sum.value + own, sum.size + abs(own))
            }
            // one ulp a logarithm, and the order of the sum
            #expect(abs(logs - sum.value) <= Double(count + 4) * sum.size.ulp)
        }
    }

    @Test("levels and log-det come back, whatever the length", arguments: InstructionSet.allCases, maps.indices)
    func levels(_ set: InstructionSet, _ index: Int) throws {
        guard let kernels = Kernels(set) else { return }
        let map = Self.maps[index]
        var random = RandomStream(seed: 22, stream: 0)
        for count in Array(1...21) + [784] {
            var w = (0..<count).map { _ in 6 * random.normal() }
            // far outside, where nothing may overflow
            let special: [Float] = [0, -0.0, 90, -90, 3e38, -3e38, .leastNonzeroMagnitude, 701, -699]
            for (j, value) in zip(w.indices, special) { w[j] = value }
            var pixels = [UInt8](repeating: 0, count: count)
            var span = pixels.mutableSpan
            let logs = try #require(kernels.levels(map, of: w.span, to: &span))
            var sum = (value: 0.0, size: 0.0)
            for j in 0..<count {
                let (x, own) = Reference.level(map, Double(w[j]))
                let clamped = min(max(x, 0), Double(map.levels - 1))
                // some ulp of s, which α enlarges when it is near 1/2
                let slack = 1e-14 * Double(map.levels) / (1 - 2 * map.alpha)
                #expect(Double(pixels[j]) <= clamped + slack && clamped - slack < Double(pixels[j]) + 1)
                sum = (sum.value + own, sum.size + abs(own))
            }
            #expect(abs(logs - sum.value) <= Double(count + 4) * sum.size.ulp)
        }
    }

    @Test("what is not finite is found wherever it stands", arguments: InstructionSet.allCases)
    func notFinite(_ set: InstructionSet) throws {
        guard let kernels = Kernels(set) else { return }
        for count in [1, 7, 16, 21] {
            for at in 0..<count {
                for value in [Float.nan, .infinity, -.infinity] {
                    var w = [Float](repeating: 0.5, count: count)
                    w[at] = value
                    var pixels = [UInt8](repeating: 0, count: count)
                    var span = pixels.mutableSpan
                    #expect(kernels.levels(Self.maps[0], of: w.span, to: &span) == nil)
                }
            }
        }
    }

    @Test("every instruction set has the same bits")
    func instructionSets() throws {
        let map = Self.maps[0]
        let (pixels, noise) = image(map, 103)
        var all: [(w: [Float], logs: Double, back: [UInt8], backLogs: Double?)] = []
        for set in InstructionSet.allCases {
            guard let kernels = Kernels(set) else { continue }
            var w = [Float](repeating: 0, count: 103)
            var back = [UInt8](repeating: 0, count: 103)
            var span = w.mutableSpan
            var backSpan = back.mutableSpan
            let logs = kernels.logit(map, pixels: pixels.span, noise: noise.span, to: &span, offset: 0)
            let backLogs = kernels.levels(map, of: w.span, to: &backSpan)
            all.append((w, logs, back, backLogs))
        }
        #expect(all.allSatisfy { $0 == all[0] })
        #expect(all[0].back == pixels)
    }
}
