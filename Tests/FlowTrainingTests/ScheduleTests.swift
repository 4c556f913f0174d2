import FlowCore
import FlowModels
import FlowTraining
import Testing

@Suite("Learning rate")
struct LearningRateTests {
    let schedule = LearningRateSchedule(peak: 2, warmupSteps: 4)

    @Test("rises in equal steps to its peak and falls as half a cosine")
    func values() {
        #expect((0..<5).map { schedule.rate(step: $0, progress: 0) } == [0.5, 1, 1.5, 2, 2])
        #expect(abs(schedule.rate(step: 100, progress: 0.5) - 1) < 1e-12)
        #expect(abs(schedule.rate(step: 100, progress: 0.25) - (1 + 0.5.squareRoot())) < 1e-12)
        #expect(schedule.rate(step: 100, progress: 1) == 0)
    }

    @Test("starts at the peak without warm-up, and never leaves 0 ... peak")
    func edges() {
        #expect(LearningRateSchedule(peak: 2, warmupSteps: 0).rate(step: 0, progress: 0) == 2)
        #expect(schedule.rate(step: 9, progress: -1) == 2)
        #expect(schedule.rate(step: 9, progress: 7) == 0)
    }
}

@Suite("Order and augmentation")
struct OrderTests {
    @Test("an epoch's order is a permutation that seed and epoch decide", arguments: [1, 2, 17, 1000])
    func permutation(_ count: Int) {
        func order(seed: UInt64, epoch: Int) -> [Int] {
            var source = TrainingStream.order.source(seed: seed, epoch: epoch)
            return source.permutation(of: count)
        }
        #expect(order(seed: 1, epoch: 0).sorted() == Array(0..<count))
        #expect(order(seed: 1, epoch: 0) == order(seed: 1, epoch: 0))
        if count > 2 {
            #expect(order(seed: 1, epoch: 0) != order(seed: 1, epoch: 1))
            #expect(order(seed: 1, epoch: 0) != order(seed: 2, epoch: 0))
        }
    }

    @Test("every place is as likely as any other")
    func uniformity() {
        var source = RandomStream(seed: 5, stream: 0)
        var counts = [Int](repeating: 0, count: 5)
        for _ in 0..<5000 { counts[source.permutation(of: 5)[0]] += 1 }
        // 1000 ± 28: six standard deviations
        #expect(counts.allSatisfy { abs($0 - 1000) < 170 })
    }

    static let shape = EventShape(height: 2, width: 3, channels: 1)
    static let image: [UInt8] = [1, 2, 3, 4, 5, 6]

    @Test("mirrors and moves as said, and lets level 0 in")
    func augmentation() {
        func applied(_ augmentation: Augmentation) -> [UInt8] {
            augmentation.applied(to: ([0] + Self.image)[1...], shape: Self.shape)
        }
        #expect(applied(Augmentation()) == Self.image)
        #expect(applied(Augmentation(mirrored: true)) == [3, 2, 1, 6, 5, 4])
        #expect(applied(Augmentation(right: 1)) == [0, 1, 2, 0, 4, 5])
        #expect(applied(Augmentation(right: -2)) == [3, 0, 0, 6, 0, 0])
        #expect(applied(Augmentation(down: 1)) == [0, 0, 0, 1, 2, 3])
        #expect(applied(Augmentation(mirrored: true, right: 1, down: -1)) == [0, 6, 5, 0, 0, 0])
        #expect(applied(Augmentation(right: 4, down: -9)) == [0, 0, 0, 0, 0, 0])
    }

    @Test("channels of a pixel stay together")
    func channels() {
        let shape = EventShape(height: 1, width: 2, channels: 3)
        let mirrored = Augmentation(mirrored: true).applied(to: [1, 2, 3, 4, 5, 6], shape: shape)
        #expect(mirrored == [4, 5, 6, 1, 2, 3])
    }

    @Test("draws nothing unless asked, and every move within the limit")
    func draws() {
        var options = TrainingOptions()
        #expect(Augmentation.draw(options: options, epoch: 3, entry: 4) == Augmentation())
        options.horizontalFlips = true
        options.shift = 2
        let draws = (0..<400).map { Augmentation.draw(options: options, epoch: 0, entry: $0) }
        #expect(Set(draws.map(\.right)) == Set(-2...2))
        #expect(Set(draws.map(\.down)) == Set(-2...2))
        let mirrored = draws.count { $0.mirrored }
        #expect((140...260).contains(mirrored))  // 200 ± 10: six standard deviations
        options.shift = 0
        let unmoved = (0..<400).map { Augmentation.draw(options: options, epoch: 0, entry: $0) }
        #expect(unmoved.map(\.mirrored) == draws.map(\.mirrored))
    }
}
