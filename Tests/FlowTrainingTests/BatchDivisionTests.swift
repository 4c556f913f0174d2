import FlowCore
import FlowModels
import Testing

@testable import FlowTraining

@Suite("Division of a batch")
struct BatchDivisionTests {
    private func division(_ rows: Int, chain: Int, part: Int = 1, atATime: Int = 0, threads: Int) -> BatchDivision {
        BatchDivision(rows: rows, chainRows: chain, partRows: part, atATime: atATime, threads: threads)
    }

    private func chains(_ division: BatchDivision) -> [Range<Int>] {
        division.blocks.joined().map { $0[0].lowerBound..<$0[$0.count - 1].upperBound }
    }

    @Test("every row is in one part, in order, and threads never move a chain", arguments: [1, 16, 20, Int.max])
    func chains(longest: Int) {
        for rows in [1, 15, 16, 17, 64, 100] {
            let one = chains(division(rows, chain: longest, threads: 1))
            #expect(one.allSatisfy { $0.count <= longest })
            for threads in [2, 3, 8, 64] {
                let division = division(rows, chain: longest, threads: threads)
                #expect(chains(division) == one)
                #expect(division.blocks.joined().joined().flatMap { $0 } == Array(0..<rows))
            }
        }
    }

    @Test("there are as many chains in memory together as keep the threads busy")
    func threads() {
        func parts(_ threads: Int) -> [Int] { division(64, chain: 16, threads: threads).largest }
        #expect(parts(1) == [16])
        #expect(parts(2) == [8, 8])
        #expect(parts(8) == Array(repeating: 8, count: 8))
        #expect(parts(16) == Array(repeating: 4, count: 16))
        #expect(division(8, chain: 1, threads: 4).largest == [1, 1, 1, 1])
        #expect(division(64, chain: .max, part: 16, threads: 3).largest == [32, 32])
    }

    @Test("no more rows are in memory than are allowed, and chains are shorter only where they would be more")
    func atATime() {
        func rows(_ atATime: Int) -> Int { division(128, chain: 16, atATime: atATime, threads: 8).largest.reduce(0, +) }
        #expect(rows(0) == 64 && rows(64) == 64 && rows(40) == 32 && rows(16) == 16 && rows(4) == 4)
        let whole = division(128, chain: 16, threads: 8)
        #expect(chains(division(128, chain: 16, atATime: 16, threads: 8)) == chains(whole))
        #expect(chains(division(128, chain: 16, atATime: 8, threads: 8)) != chains(whole))
        #expect(division(64, chain: .max, atATime: 16, threads: 8).blocks.count == 4)
    }

    @Test(
        "chains of flows of images follow from their activations, those of vectors and of a dequantizer are whole batches"
    )
    func sizes() throws {
        let shape = EventShape(height: 28, width: 28, channels: 1)
        let glow = try GlowFlow(shape: shape, sizes: ["layers": 4, "hidden": [64, 64], "scales": 2], seed: nil)
        // 5 hidden layers of 64 channels in 4 couplings of 14 × 14 pixels and 4 of 7 × 7
        #expect(glow.convolvedActivations == 5 * 64 * 4 * (196 + 49) && glow.chainRows == 26)
        let vectors = try AffineCouplingFlow(
            shape: shape, sizes: ["layers": 2, "hidden": [16], "log_scale_bound": 3], seed: nil)
        #expect(vectors.chainRows == .max)
        let dequantizer = try Dequantizer(shape: shape, sizes: [:], seed: nil)
        #expect(Fitted(flow: glow).chainRows == 26 && Fitted(flow: glow, dequantizer: dequantizer).chainRows == .max)
    }
}
