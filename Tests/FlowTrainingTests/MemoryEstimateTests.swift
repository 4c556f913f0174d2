import FlowCore
import FlowLayers
import FlowModels
import FlowTraining
import Testing

@Suite("Memory estimate")
struct MemoryEstimateTests {
    private let flow = try! AffineCouplingFlow(
        shape: EventShape(height: 4, width: 4, channels: 1),
        sizes: ["layers": 6, "hidden": [32], "log_scale_bound": 3], seed: nil)

    private func tapes(
        batch: Int, accumulate: Int = 0, reversible: Bool = false, threads: Int = 1, images: Int = .max
    ) -> Int {
        var options = TrainingOptions()
        (options.batch, options.accumulatedBatch, options.reversible) = (batch, accumulate, reversible)
        return MemoryEstimate.parameters(elements: 100, live: 100, base: 7)
            .adding(flow, options: options, images: images, threads: threads).tapes
    }

    @Test(
        "counts weights and gradient, four arrays of what no mask holds at zero, and three more at the end, or a checkpoint's"
    )
    func fixed() {
        let estimate = MemoryEstimate.parameters(elements: 100, live: 100, base: 7)
        #expect(estimate == MemoryEstimate(base: 7, parameters: 2400, tapes: 0, betweenSteps: 1200))
        #expect(estimate.total == 3607)
        let resumed = MemoryEstimate.parameters(elements: 100, live: 100, base: 7, isResumed: true)
        #expect(resumed.total == 7 + 2400 + 2400)
        // masks: moments, averages and best weights of 60 numbers
        let masked = MemoryEstimate.parameters(elements: 100, live: 60, base: 7)
        #expect(masked == MemoryEstimate(base: 7, parameters: 800 + 960, tapes: 0, betweenSteps: 1200))
        #expect(MemoryEstimate.parameters(elements: 100, live: 60, base: 7, isResumed: true).betweenSteps == 1600)
        var stepping = estimate
        stepping.tapes = 1300
        #expect(stepping.total == 3707)
    }

    @Test("tapes grow with the rows that are in memory at a time, and not with threads")
    func tapes() {
        #expect(tapes(batch: 64) == flow.tapeBytes(rows: 64))
        #expect(tapes(batch: 64, threads: 2) == 2 * flow.tapeBytes(rows: 32))
        #expect(tapes(batch: 64, accumulate: 16) == flow.tapeBytes(rows: 16))
        #expect(tapes(batch: 16, accumulate: 64) == flow.tapeBytes(rows: 16))
        // 100 images are two steps of 50
        #expect(tapes(batch: 64, images: 100) == flow.tapeBytes(rows: 50))
        #expect(tapes(batch: 64, images: 40) == flow.tapeBytes(rows: 40))
    }

    @Test("a dequantizer adds its tape, the images' bytes, v and the noise, reversible or not")
    func dequantizer() throws {
        let dequantizer = try Dequantizer(
            shape: EventShape(height: 4, width: 4, channels: 1), sizes: [:], seed: nil)
        for reversible in [false, true] {
            var options = TrainingOptions()
            (options.batch, options.reversible) = (64, reversible)
            let estimate = MemoryEstimate.parameters(elements: 100, live: 100, base: 7)
            let (without, with) = (
                estimate.adding(flow, options: options, threads: 2),
                estimate.adding(flow, dequantizer: dequantizer, options: options, threads: 2)
            )
            #expect(with.tapes - without.tapes == 2 * (dequantizer.map.tapeBytes(rows: 32) + 9 * 32 * 16))
        }
    }

    @Test("reversible steps have the tape of one stage")
    func reversible() {
        #expect(tapes(batch: 64, reversible: true) == flow.layers[0].tapeBytes(rows: 64))
        #expect(6 * tapes(batch: 64, reversible: true) < tapes(batch: 64))
    }
}
