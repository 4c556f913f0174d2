@testable import DensityAPI
import Testing

@Suite("Token bucket")
struct TokenBucketTests {
    private static let second: UInt64 = 1_000_000_000

    @Test("gives its burst at once, and then what the time gives, to the nanosecond")
    func edges() {
        var bucket = TokenBucket(Rate(10, per: .second, burst: 3), at: 5)
        for _ in 0..<3 { #expect(bucket.take(1, at: 5) == nil) }
        #expect(bucket.take(1, at: 5) == 100_000_000)
        #expect(bucket.take(1, at: 5 + 99_999_999) == 1)
        #expect(bucket.take(1, at: 5 + 100_000_000) == nil)
        #expect(bucket.take(1, at: 5 + 100_000_000) == 100_000_000)
    }

    @Test("holds no more than its burst, however long it rests")
    func capacity() {
        for rest in [1, 1000, UInt64.max / Self.second] {
            var bucket = TokenBucket(Rate(10, per: .second, burst: 4), at: 0)
            #expect(bucket.take(4, at: 0) == nil)
            let now = rest * Self.second
            for _ in 0..<4 { #expect(bucket.take(1, at: now) == nil) }
            #expect(bucket.take(1, at: now) != nil)
        }
    }

    @Test("is overdrawn by what is larger than it holds, and the next waits until that is made good")
    func overdraft() {
        var bucket = TokenBucket(Rate(100, per: .second, burst: 5), at: 0)
        #expect(bucket.take(4, at: 0) == nil && bucket.overdraft == 0)
        #expect(bucket.take(256, at: 0) == nil)
        #expect(bucket.overdraft == 255)
        // 255 and the one that must be there, by 10 ms each
        #expect(bucket.take(1, at: 0) == 2_560_000_000)
        #expect(bucket.take(1, at: 999_999_999) == 1_560_000_001)
        #expect(bucket.overdraft == 156, "a part of one counts as one")
        #expect(bucket.take(1, at: 1_000_000_000) == 1_560_000_000)
        #expect(bucket.overdraft == 155)
        #expect(bucket.take(1, at: 2_559_999_999) == 1)
        #expect(bucket.overdraft == 0)
        #expect(bucket.take(1, at: 2_560_000_000) == nil)
    }

    @Test("takes nothing when it refuses")
    func refusal() {
        var bucket = TokenBucket(Rate(1, per: .second), at: 0)
        #expect(bucket.take(1, at: 0) == nil)
        for _ in 0..<10 { #expect(bucket.take(1000, at: 0) == Self.second) }
        #expect(bucket.take(1, at: Self.second) == nil)
    }

    @Test("takes back what was not used, and no more than it holds")
    func putBack() {
        var bucket = TokenBucket(Rate(1, per: .hour, burst: 10), at: 0)
        #expect(bucket.take(9, at: 0) == nil)
        bucket.putBack(5)
        #expect(bucket.take(6, at: 0) == nil && bucket.overdraft == 0)
        #expect(bucket.take(1, at: 0) == 3600 * Self.second)
        bucket.putBack(1000)
        for _ in 0..<10 { #expect(bucket.take(1, at: 0) == nil) }
        #expect(bucket.take(1, at: 0) != nil)
    }

    @Test("gets nothing from a clock that goes backwards, and loses nothing")
    func backwards() {
        var bucket = TokenBucket(Rate(1, per: .second), at: 10 * Self.second)
        #expect(bucket.take(1, at: 10 * Self.second) == nil)
        #expect(bucket.take(1, at: 0) == Self.second)
        #expect(bucket.take(1, at: 10 * Self.second) == Self.second)
        #expect(bucket.take(1, at: 11 * Self.second) == nil)
        #expect(bucket.take(1, at: 5 * Self.second) == Self.second)
    }

    @Test("counts right with the largest numbers that there are")
    func largest() {
        for period in Rate.Period.allCases {
            var bucket = TokenBucket(Rate(Rate.most, per: period, burst: Rate.most), at: 0)
            #expect(bucket.take(.max, at: 0) == nil)
            #expect(bucket.overdraft == .max - Rate.most)
            let wait = bucket.take(1, at: 0)
            #expect(wait != nil && wait! > 0)
            #expect(bucket.take(1, at: .max) == nil || period != .second)
            bucket.putBack(.max)
            #expect(bucket.take(1, at: .max) == nil)
        }
        var slow = TokenBucket(Rate(1, per: .hour), at: 0)
        #expect(slow.take(.max, at: 0) == nil)
        #expect(slow.take(1, at: 0) == .max, "more nanoseconds than can be said")
    }

    @Test("says the shortest wait: then it gives, and a nanosecond before it does not")
    func shortest() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let period = Rate.Period.allCases.randomElement(using: &generator)!
            let rate = Rate(
                .random(in: 1...5000, using: &generator), per: period, burst: .random(in: 1...50, using: &generator))
            var bucket = TokenBucket(rate, at: 0)
            var now: UInt64 = 0
            for _ in 0..<20 {
                now += .random(in: 0...2_000_000_000, using: &generator)
                guard let wait = bucket.take(.random(in: 1...100, using: &generator), at: now) else { continue }
                var early = bucket
                #expect(early.take(1, at: now + wait - 1) == 1)
                #expect(bucket.take(1, at: now + wait) == nil, "\(rate)")
                now += wait
            }
        }
    }

    @Test("gives no more in any time than burst, rate times the time, and the largest take but one")
    func bound() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let rate = Rate(
                .random(in: 1...1000, using: &generator), per: .second, burst: .random(in: 1...100, using: &generator))
            var bucket = TokenBucket(rate, at: 0)
            var taken: [(time: UInt64, amount: Int)] = []
            var now: UInt64 = 0
            for _ in 0..<200 {
                now += .random(in: 0...20_000_000, using: &generator)
                let amount = Int.random(in: 1...40, using: &generator)
                if bucket.take(amount, at: now) == nil { taken.append((now, amount)) }
            }
            for first in taken.indices {
                var sum = 0
                for last in first..<taken.count {
                    sum += taken[last].amount
                    let time = Double(taken[last].time - taken[first].time) / 1e9
                    let most = Double(rate.burst) + Double(rate.count) * time + 39
                    #expect(Double(sum) <= most + 1e-6)
                }
            }
        }
    }
}

@Suite("Rate")
struct RateTests {
    @Test(
        "is read and written",
        arguments: [
            ("1/s", 1, Rate.Period.second, 1, "1/s"), ("600/min", 600, .minute, 600, "600/min"),
            ("5k/h", 5000, .hour, 5000, "5000/h"), ("10/s,burst=50", 10, .second, 50, "10/s,burst=50"),
            ("2M/s,burst=64M", 2_000_000, .second, 64_000_000, "2000000/s,burst=64000000"),
            ("10/s,burst=10", 10, .second, 10, "10/s"), ("1000G/s", Rate.most, .second, Rate.most, "1000000000000/s"),
            ("1000/s,burst=1", 1000, .second, 1, "1000/s,burst=1"),
        ] as [(String, Int, Rate.Period, Int, String)])
    func valid(_ text: String, _ count: Int, _ period: Rate.Period, _ burst: Int, _ written: String) throws {
        let rate = try #require(Rate(text))
        #expect(rate == Rate(count, per: period, burst: burst))
        #expect("\(rate)" == written && Rate(written) == rate)
        #expect(RateLimit(text) == .rate(rate))
    }

    @Test(
        "is nothing else",
        arguments: [
            "", "10", "/s", "0/s", "-1/s", "+1/s", "1.5/s", "10/S", "10/sec", "10/m", "10/s/s", "10 /s", "10K/s",
            "1001G/s",
            "1000000000001/s", "99999999999999999999/s", "9223372036854775807G/s", "k/s", "10/s,", "10/s,burst",
            "10/s,burst=", "10/s,burst=0", "10/s,burst=1001G", "10/s,burst=5,burst=6", "10/s,5", "10/s, burst=5", "١/s",
            "none,burst=5", "None",
        ])
    func invalid(_ text: String) { #expect(RateLimit(text) == nil) }

    @Test("can be none")
    func none() {
        #expect(RateLimit("none") == .unlimited)
        #expect("\(RateLimit.unlimited)" == "none")
    }
}
