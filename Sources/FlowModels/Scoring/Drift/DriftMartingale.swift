import FlowCore
import Glibc

/// Test of whether a stream of images is still like the calibration images, valid at every moment.
///
/// It starts with a wealth of 1 and bets on the ranks of the images (``DriftReference``). While the stream has not drifted the
/// wealth rises on average by none of the bets, so that it ever reaches ``DriftReference/alarmLevel`` `2/α` with probability `α/2`
/// at most (Ville's inequality), given that the reference's bounds hold, which they do with probability `1 − α/2`. However long the
/// stream is and however often one looks, a driftless stream is called drifted with probability `α` at most.
///
/// The wealth is spread over bets, and over when a drift begins: before image `t` a part `w(t) = 1/L(t) − 1/L(t+1)` of it with
/// `L(t) = 1 + ln t`, divided equally, joins the bets, and the rest waits. The parts add up to 1, so the bound stands; and a drift after
/// many clean images finds capital that these did not use up, so that its delay grows with the logarithm of their number.
///
/// A martingale of smoothed p-values that are taken as independent and uniform is no such test: against a fixed set of calibration
/// images they are not uniform, and its wealth grows without drift.
///
/// Source: conditional conformal test martingales, arXiv:2602.13848, with these bounds and bets in place of theirs; Ville, *Étude
/// critique de la notion de collectif* (1939); restarts by a mixture: Shafer and Vovk, *Game-Theoretic Foundations for
/// Probability and Finance* (2019), §12; Ramdas et al., *Game-Theoretic Statistics and Safe Anytime-Valid Inference*
/// (2023), arXiv:2210.01948.
public struct DriftMartingale: Sendable {
    /// What the stream is held against.
    public let reference: DriftReference
    /// State of the test, which continues another one of the same reference.
    public private(set) var state: State

    /// State of a test, for a file.
    public struct State: Sendable, Codable, Equatable {
        /// Digest of the reference that the state is of.
        public var reference: String
        /// Images that were bet on.
        public var images = 0
        /// Images that came in the stream and were not bet on.
        public var passedOver = 0
        /// Images that were called outliers by themselves, at the model's own rate of false alarms.
        public var outliers = 0
        /// Images that were called unusual by themselves.
        public var unusual = 0
        /// Seed of the generator that breaks ties.
        public var seed: UInt64
        /// Capital of the bets, times `exp(−logScale)`.
        var capital: [Double]
        var logScale = 0.0
        /// Largest product of each bet's latest factors, 1 of none: the cumulative sum of Page, *Continuous Inspection Schemes* (1954).
        var evidence: [Double]
        /// First image of each such product: where the drift begins that the bet is on, if there is one.
        var starts: [Moment]
        /// First image.
        public var began: Moment?
        /// Image at which the wealth first reached the alarm level; nil before.
        public var alarm: Moment?
    }

    /// Place in the stream.
    public struct Moment: Sendable, Codable, Equatable {
        /// Number of the image, from 1.
        public var image: Int
        /// Unix time, seconds.
        public var time: Int
    }

    /// A test that begins.
    /// - Parameter seed: seed of the generator that breaks ties.
    public init(reference: DriftReference, seed: UInt64) {
        self.reference = reference
        let bets = reference.bets.count
        state = State(
            reference: reference.digest, seed: seed, capital: Array(repeating: 0, count: bets),
            evidence: Array(repeating: 1, count: bets), starts: Array(repeating: Moment(image: 0, time: 0), count: bets)
        )
    }

    /// The test that `state` is of; nil where that is of another reference, or no state of a test.
    public init?(reference: DriftReference, continuing state: State) {
        guard state.reference == reference.digest, state.isSound(bets: reference.bets.count) else { return nil }
        self.reference = reference
        self.state = state
    }

    // MARK: - Images

    /// Bets on an image's rank. Of calibration images that are exactly as odd as it a random number counts as odder.
    /// - Parameter time: Unix time, seconds.
    public mutating func observe(_ rank: ConformalRank, at time: Int) {
        state.images += 1
        let moment = Moment(image: state.images, time: time)
        if state.began == nil { state.began = moment }
        switch Verdict(rank, at: reference.imageAlarm) {
        case .outlier: state.outliers += 1
        case .unusual: state.unusual += 1
        case .typical, nil: break
        }
        let smoothed = smoothedRank(rank)
        let joining = Self.joining(state.images) / Double(reference.bets.count) * exp(-state.logScale)
        var most = 0.0
        for b in state.capital.indices {
            let bet = reference.bets[b]
            let factor = reference.ranges[bet.range].ranks.contains(smoothed) ? bet.win : bet.loss
            if state.evidence[b] <= 1 { state.starts[b] = moment }
            state.evidence[b] = min(max(1, state.evidence[b] * factor), Self.largest)
            state.capital[b] = (state.capital[b] + joining) * factor
            most = max(most, state.capital[b])
        }
        if most > Self.largest {
            for b in state.capital.indices { state.capital[b] /= Self.largest }
            state.logScale += log(Self.largest)
        }
        if state.alarm == nil, logWealth >= log(reference.alarmLevel) { state.alarm = moment }
    }

    /// Notes images that have no rank, or that are not to count.
    public mutating func passOver(_ images: Int) { state.passedOver += images }

    /// Capital from which on all is divided by it, and product beyond which none rises, lest they become infinite.
    private static let largest = 1e100

    /// Part of the wealth that joins the bets before image `t`, from 1.
    private static func joining(_ t: Int) -> Double { log1p(1 / Double(t)) / (waiting(t) * waiting(t + 1)) }

    /// `L(t) = 1 + ln t`: 1 over the part of the wealth that waits before image `t`.
    private static func waiting(_ t: Int) -> Double { 1 + log(Double(t)) }

    private func smoothedRank(_ rank: ConformalRank) -> Int {
        guard rank.tied > 0 else { return rank.count }
        var random = RandomStream(seed: state.seed, stream: UInt64(state.images))
        return rank.count - Int(random.next() % UInt64(rank.tied + 1))
    }

    // MARK: - What it says

    /// Natural logarithm of the wealth.
    public var logWealth: Double {
        let waits = 1 / Self.waiting(state.images + 1)
        let bets = state.capital.reduce(0, +)
        let (a, b) = (log(waits), log(bets) + state.logScale)
        let larger = max(a, b)
        return larger + log(exp(a - larger) + exp(b - larger))
    }

    /// Bet with the most capital: what a drift would be of, if there is one, and where it would begin. Nil before the first image.
    public var leading: (range: DriftReference.Range, start: Moment)? {
        guard state.images > 0, let b = state.capital.indices.max(by: { state.capital[$0] < state.capital[$1] }) else {
            return nil
        }
        return (reference.ranges[reference.bets[b].range], state.starts[b])
    }
}

extension DriftMartingale.State {
    /// Unix time of the last second that RFC 3339 writes, of the year 9999.
    private static let lastTime = 253_402_300_799

    /// Whether the state can be one of a test with so many bets.
    fileprivate func isSound(bets: Int) -> Bool {
        let counts = [images, passedOver, outliers, unusual]
        let isEmpty = images == 0
        return [capital.count, evidence.count, starts.count].allSatisfy { $0 == bets } && logScale.isFinite
            && logScale >= 0
            && counts.allSatisfy { (0...(1 << 53)).contains($0) }
            && capital.allSatisfy { (0...1e110).contains($0) } && evidence.allSatisfy { (1...1e110).contains($0) }
            && ([began, alarm].compactMap(\.self) + starts).allSatisfy { (0...Self.lastTime).contains($0.time) }
            && (began == nil) == isEmpty
            && starts.allSatisfy { (min(1, images)...images).contains($0.image) }
            && alarm.map { (1...max(1, images)).contains($0.image) && !isEmpty } ?? true
    }
}
