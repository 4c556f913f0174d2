import FlowCore
import Glibc
import System

/// What a stream of images is held against: the calibration images of a model, and the bets of ``DriftMartingale`` on how a
/// stream that has drifted differs from them.
///
/// A bet is on a range of ranks, such as the oddest hundredth. Of images like the calibration images, the fraction with such a rank
/// is not known, since the calibration images are a sample; but it is at most ``Range/bound`` for every range at once, with
/// probability `1 − α/2` over which calibration images were drawn (``BinomialTail/upperBound(gaps:of:failure:)``, each range with
/// an equal part of `α/2`). A bet at odds `o` pays `q/u` for an image with such a rank and `(1 − q)/(1 − u)` for every other, with
/// `u` the bound and `q = o u/(1 − u + o u)`, and so on average at most 1.
public struct DriftReference: Sendable {
    /// Ranks next to each other, and how many images may have them.
    public struct Range: Sendable, Equatable {
        /// Ranks among the calibration images and the image itself, from 1, the oddest.
        public let ranks: ClosedRange<Int>
        /// Largest fraction of images like the calibration images that has such ranks.
        public let bound: Double
        /// What more of such images means, as the end of "images …".
        public let meaning: String
    }

    /// A bet: factors of its capital.
    struct Bet: Sendable {
        /// Index into ``ranges``.
        var range: Int
        /// Factor for an image in the range.
        var win: Double
        /// Factor for any other image.
        var loss: Double
    }

    /// Rate `α` of alarms without drift, over the whole life of a stream and over the drawing of the calibration images.
    public let alarm: AlarmRate
    /// Rate of false alarms at which the model calls single images outliers.
    public let imageAlarm: AlarmRate
    /// Calibration images.
    public let images: Int
    /// Ranges that are bet on.
    public let ranges: [Range]
    let bets: [Bet]
    /// SHA-256 of all that a state of the martingale depends on, in hexadecimal digits.
    public let digest: String

    /// Wealth at which drift is told, `2/α`.
    public var alarmLevel: Double { 2 / alarm.value }

    /// Odds of the bets on a range; from bets that win slowly on little drift to such as win at once on much.
    private static let odds = [2.0, 4, 16, 64]
    /// Fractions of ranks that are bet on, from the oddest: tails that outliers fall into, and quarters of the rest, into one of which
    /// a stream falls that shows the same again and again.
    private static let fractions: [(from: Double, to: Double, meaning: String)] = [
        (0, 0, "are odder than every calibration image"),
        (0, 0.01, "are as odd as the oddest 1 % of the calibration images"),
        (0, 0.03, "are as odd as the oddest 3 % of the calibration images"),
        (0, 0.1, "are as odd as the oddest 10 % of the calibration images"),
        (0, 0.3, "are as odd as the oddest 30 % of the calibration images"),
        (0.25, 0.5, "are odder than half of the calibration images and less odd than a quarter"),
        (0.5, 0.75, "are less odd than half of the calibration images and odder than a quarter"),
        (0.75, 1, "are as ordinary as the most ordinary quarter of the calibration images"),
    ]

    /// - Parameters:
    ///   - scores: those of the calibration images, rising; at least one.
    ///   - alarm: rate of alarms without drift.
    ///   - imageAlarm: rate at which single images are called outliers.
    init(scores: [Double], alarm: AlarmRate, imageAlarm: AlarmRate) {
        let n = scores.count
        self.alarm = alarm
        self.imageAlarm = imageAlarm
        images = n
        var seen: Set<ClosedRange<Int>> = []
        let ranks = Self.fractions.compactMap { part -> (ClosedRange<Int>, String)? in
            let first = Int(part.from * Double(n + 1)) + 1
            let ranks = first...max(first, Int(part.to * Double(n + 1)))
            guard ranks.count <= n, seen.insert(ranks).inserted else { return nil }
            return (ranks, part.meaning)
        }
        let failure = alarm.value / 2 / Double(ranks.count)
        let ranges = ranks.map { ranks, meaning in
            Range(
                ranks: ranks, bound: BinomialTail.upperBound(gaps: ranks.count, of: n, failure: failure),
                meaning: meaning)
        }
        let bets = ranges.indices.flatMap { r in
            let u = ranges[r].bound
            return Self.odds.map { odds in
                let q = odds * u / (1 - u + odds * u)
                return Bet(range: r, win: q / u, loss: (1 - q) / (1 - u))
            }
        }
        self.ranges = ranges
        self.bets = bets
        digest = Self.digest(of: scores, alarm: alarm, bets: bets)
    }

    private static func digest(of scores: [Double], alarm: AlarmRate, bets: [Bet]) -> String {
        let numbers = scores + [alarm.value] + bets.flatMap { [Double($0.range), $0.win, $0.loss] }
        return SHA256.hex(
            numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) } })
    }
}

extension DecisionRecord {
    /// What a stream of images is held against for drift, at a rate of false alarms.
    public func driftReference(alarm: AlarmRate) -> DriftReference {
        DriftReference(scores: scores, alarm: alarm, imageAlarm: self.alarm)
    }
}
