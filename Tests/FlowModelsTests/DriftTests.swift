import FlowCore
import Foundation
import Testing

@testable import FlowModels

@Suite("Drift")
struct DriftTests {
    // MARK: - Bounds

    @Test("binomial tails are sums of their terms", arguments: [(5, 0.3), (40, 0.02), (40, 0.9), (1, 0.5)])
    func tails(trials: Int, probability: Double) {
        var sum = 0.0
        var term = pow(1 - probability, Double(trials))
        for k in 0..<trials {
            sum += term
            #expect(abs(BinomialTail.atMost(k, of: trials, probability: probability) - sum) < 1e-12)
            term *= Double(trials - k) / Double(k + 1) * probability / (1 - probability)
        }
        #expect(BinomialTail.atMost(trials, of: trials, probability: probability) == 1)
        // terms that are too small for a number do not end the sum
        #expect(abs(BinomialTail.atMost(5_000, of: 10_000, probability: 0.5) - 0.5) < 0.01)
    }

    @Test("of one gap the bound is that of a least number, 1 − δ^(1/n), and bounds hold as often as they say")
    func bounds() {
        #expect(abs(BinomialTail.upperBound(gaps: 1, of: 500, failure: 0.01) - (1 - pow(0.01, 1.0 / 500))) < 1e-9)
        let bound = BinomialTail.upperBound(gaps: 6, of: 99, failure: 0.1)
        var random = RandomStream(seed: 7, stream: 0)
        let failures = (0..<2_000).count { _ in
            (0..<99).map { _ in Double(random.uniform()) }.sorted()[5] > bound
        }
        // 200 ± 13.4
        #expect((150...250).contains(failures), "\(failures)")
    }

    @Test("no bet wins on average where the bounds hold, and every range has each odds")
    func bets() {
        let reference = DriftReference(
            scores: (0..<200).map(Double.init), alarm: AlarmRate("0.02")!, imageAlarm: AlarmRate("0.05")!)
        #expect(reference.alarmLevel == 100 && reference.ranges.count == 8 && reference.bets.count == 32)
        for bet in reference.bets {
            let bound = reference.ranges[bet.range].bound
            #expect(abs(bound * bet.win + (1 - bound) * bet.loss - 1) < 1e-12 && bet.win > 1 && bet.loss < 1)
        }
        for range in reference.ranges {
            #expect((1...201).contains(range.ranks.lowerBound) && range.ranks.upperBound <= 201)
            #expect(range.bound > Double(range.ranks.count) / 201 && range.bound < 1)
        }
    }

    @Test(
        "few calibration images have fewer ranges, and drift that is total is told with ten", arguments: [1, 2, 10, 19])
    func few(images: Int) {
        let reference = DriftReference(
            scores: (0..<images).map(Double.init), alarm: AlarmRate("0.01")!, imageAlarm: AlarmRate("0.05")!)
        #expect(!reference.ranges.isEmpty)
        var test = DriftMartingale(reference: reference, seed: 1)
        for _ in 0..<200 { test.observe(rank(of: 1e9, among: reference), at: 0) }
        if images >= 10 { #expect(test.state.alarm != nil) }
    }

    private func rank(of score: Double, among reference: DriftReference) -> ConformalRank {
        ConformalRank(of: score, among: (0..<reference.images).map(Double.init))
    }

    // MARK: - Streams

    /// A stream of made-up scores: those of outliers are beyond all others.
    private struct Stream {
        var calibration: [Double]
        var reference: DriftReference
        private var random: RandomStream

        init(seed: UInt64, images: Int, alarm: AlarmRate = AlarmRate("0.01")!) {
            var random = RandomStream(seed: seed, stream: 0)
            let calibration = (0..<images).map { _ in Double(random.next() >> 11) }.sorted()
            reference = DriftReference(scores: calibration, alarm: alarm, imageAlarm: AlarmRate("0.01")!)
            self.calibration = calibration
            self.random = random
        }

        mutating func rank(outliers: Double = 0) -> ConformalRank {
            let score = Double(random.next() >> 11)
            let isOutlier = Double(random.uniform()) < outliers
            return ConformalRank(of: isOutlier ? .infinity : score, among: calibration)
        }
    }

    /// Prints a figure where it is asked for.
    private func report(_ text: String) {
        if Self.isLong { print("drift: \(text)") }
    }

    private static let isLong = ProcessInfo.processInfo.environment["TUSK_DRIFT_STREAMS"] != nil

    /// Numbers of streams and of images of one; `make drift` has more.
    private static let (streams, images) = { () -> (Int, Int) in
        let sizes = ProcessInfo.processInfo.environment["TUSK_DRIFT_STREAMS"]?.split(separator: "x").compactMap {
            Int($0)
        }
        return sizes?.count == 2 ? (sizes![0], sizes![1]) : (40, 2_000)
    }()

    @Test(
        "streams without drift alarm no more often than is said, whatever the number of calibration images",
        .timeLimit(.minutes(60)), arguments: [50, 500])
    func driftless(calibration: Int) {
        let alarm = AlarmRate("0.05")!
        let alarms = (0..<Self.streams).count { seed in
            var stream = Stream(seed: UInt64(seed), images: calibration, alarm: alarm)
            var test = DriftMartingale(reference: stream.reference, seed: UInt64(seed))
            for _ in 0..<Self.images { test.observe(stream.rank(), at: 0) }
            return test.state.alarm != nil
        }
        report("\(alarms) of \(Self.streams) streams of \(Self.images) images, \(calibration) calibrate, alarm")
        // A twentieth at most; three standard deviations more, so that a right test passes.
        let expected = alarm.value * Double(Self.streams)
        #expect(Double(alarms) <= expected + 3 * expected.squareRoot())
    }

    @Test("drift after clean images is told, and where it began", arguments: [(0.2, 400), (0.05, 3_000)])
    func drifting(outliers: Double, within: Int) throws {
        var delays: [Int] = []
        for seed in 0..<5 {
            var stream = Stream(seed: UInt64(seed), images: 500)
            var test = DriftMartingale(reference: stream.reference, seed: 0)
            for _ in 0..<2_000 { test.observe(stream.rank(), at: 10) }
            #expect(test.state.alarm == nil)
            for _ in 0..<within where test.state.alarm == nil { test.observe(stream.rank(outliers: outliers), at: 20) }
            let alarm = try #require(test.state.alarm, "seed \(seed): no alarm within \(within) images")
            #expect(alarm.time == 20)
            delays.append(alarm.image - 2_000)
            let leading = try #require(test.leading)
            #expect(leading.range.ranks.lowerBound == 1)
            #expect(abs(leading.start.image - 2_000) < 500, "\(leading.start)")
        }
        report("\(outliers) of outliers among 500 calibration images is told after \(delays) images")
    }

    @Test(
        "images until the alarm, by number of calibration images",
        .enabled(
            if: ProcessInfo.processInfo.environment["TUSK_DRIFT_STREAMS"] != nil), .timeLimit(.minutes(60)),
        arguments: [100, 500, 2_000])
    func delays(calibration: Int) {
        for (clean, outliers) in [(1_000, 0.01), (1_000, 0.05), (1_000, 0.2), (100_000, 0.05), (100_000, 0.2)] {
            let delays = (0..<40).map { seed -> Int in
                var stream = Stream(seed: UInt64(seed), images: calibration)
                var test = DriftMartingale(reference: stream.reference, seed: 0)
                for _ in 0..<clean { test.observe(stream.rank(), at: 0) }
                for i in 1...100_000 {
                    test.observe(stream.rank(outliers: outliers), at: 0)
                    if test.state.alarm != nil { return i }
                }
                return .max
            }.sorted()
            let text = { (delay: Int) in delay == .max ? "more than 100000" : "\(delay)" }
            report(
                "\(calibration) calibrate, \(clean) clean, then \(outliers) outliers: "
                    + "median \(text(delays[20])), 90% \(text(delays[36]))")
            #expect(delays.count == 40)
        }
    }

    @Test("a stream that shows one ordinary image again and again has drifted too", arguments: [40, 200, 300, 480])
    func frozen(rank: Int) {
        var stream = Stream(seed: 3, images: 500)
        var test = DriftMartingale(reference: stream.reference, seed: 0)
        for _ in 0..<300 { test.observe(stream.rank(), at: 0) }
        let score = stream.calibration[500 - rank]
        for _ in 0..<300 { test.observe(ConformalRank(of: score + 0.5, among: stream.calibration), at: 0) }
        #expect(test.state.alarm != nil)
    }

    @Test("images that tie with calibration images are spread over their ranks, by the seed")
    func ties() {
        let calibration = Array(repeating: 1.0, count: 500)
        let rank = ConformalRank(of: 1, among: calibration)
        #expect(rank.count == 501 && rank.tied == 500)
        let reference = DriftReference(scores: calibration, alarm: AlarmRate("0.01")!, imageAlarm: AlarmRate("0.01")!)
        func test(_ seed: UInt64) -> DriftMartingale {
            var test = DriftMartingale(reference: reference, seed: seed)
            for _ in 0..<2_000 { test.observe(rank, at: 0) }
            return test
        }
        let (one, same, other) = (test(1), test(1), test(2))
        #expect(one.state == same.state && one.state != other.state)
        #expect(one.state.alarm == nil && other.state.alarm == nil, "all images are alike, here and there")
    }

    @Test("the mean of the wealths of replicas alarms no more often than one")
    func replicas() {
        let alarm = AlarmRate("0.05")!
        let alarms = (0..<40).count { seed in
            // One set of calibration images, several streams.
            var stream = Stream(seed: UInt64(100 + seed), images: 200, alarm: alarm)
            var tests = (0..<4).map { DriftMartingale(reference: stream.reference, seed: UInt64($0)) }
            var most = 0.0
            for _ in 0..<1_500 {
                for t in tests.indices { tests[t].observe(stream.rank(), at: 0) }
                most = max(most, tests.reduce(0) { $0 + exp($1.logWealth) } / 4)
            }
            return most >= stream.reference.alarmLevel
        }
        #expect(alarms <= 2 + 4, "\(alarms)")
        // And together they tell a drift of all of them.
        var stream = Stream(seed: 1, images: 200, alarm: alarm)
        var tests = (0..<4).map { DriftMartingale(reference: stream.reference, seed: UInt64($0)) }
        for _ in 0..<400 {
            for t in tests.indices { tests[t].observe(stream.rank(outliers: 0.3), at: 0) }
        }
        #expect(tests.reduce(0) { $0 + exp($1.logWealth) } / 4 >= stream.reference.alarmLevel)
    }

    // MARK: - State

    @Test("a state goes on to the bit after a file, and not with other calibration images, another rate or other bets")
    func states() throws {
        var stream = Stream(seed: 5, images: 100)
        var test = DriftMartingale(reference: stream.reference, seed: 9)
        #expect(try continued(test)?.state == test.state, "before the first image")
        for _ in 0..<50 { test.observe(stream.rank(outliers: 0.5), at: 1_795_564_800) }
        test.passOver(3)
        var again = try #require(try continued(test))
        #expect(again.state == test.state && again.state.passedOver == 3)
        for _ in 0..<400 {
            let rank = stream.rank(outliers: 1)
            test.observe(rank, at: 2)
            again.observe(rank, at: 2)
        }
        #expect(again.state == test.state && test.state.alarm != nil && test.logWealth > 300)
        for _ in 0..<400 { test.observe(stream.rank(outliers: 1), at: 2) }
        #expect(test.logWealth.isFinite && test.logWealth > 1_000)
        let other = Stream(seed: 6, images: 100)
        #expect(DriftMartingale(reference: other.reference, continuing: test.state) == nil)
        let rate = DriftReference(
            scores: stream.calibration, alarm: AlarmRate("0.02")!, imageAlarm: AlarmRate("0.01")!)
        #expect(DriftMartingale(reference: rate, continuing: test.state) == nil)
        var broken = test.state
        broken.images = -1
        #expect(DriftMartingale(reference: stream.reference, continuing: broken) == nil)
        broken = test.state
        broken.passedOver = -1
        #expect(DriftMartingale(reference: stream.reference, continuing: broken) == nil)
    }

    private func continued(_ test: DriftMartingale) throws -> DriftMartingale? {
        let state = try JSONDecoder().decode(DriftMartingale.State.self, from: JSONEncoder().encode(test.state))
        return DriftMartingale(reference: test.reference, continuing: state)
    }
}
