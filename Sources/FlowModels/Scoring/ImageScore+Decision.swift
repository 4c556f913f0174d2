/// How much an answer says of whether an image is like the learned ones.
public enum ScoreDetail: String, Sendable, CaseIterable {
    /// Nothing: the density alone, which costs less.
    case none
    /// The verdict with its reasons, where the model has what it needs for one.
    case verdict
    /// Each kind of evidence too.
    case evidence
    /// Each kind of evidence, and what each pixel has to do with the density, which costs another pass.
    case pixels
}

extension ImageScore {
    /// Verdict at ``alarm``; nil where ``rank`` is, and where that rate needs more calibration images than there are.
    public var verdict: Verdict? {
        guard let rank, let alarm else { return nil }
        return Verdict(rank, at: alarm)
    }

    /// What the evidence says that is odd by itself, most telling first, as ends of "the image …"; empty for a typical image. Nil
    /// where ``verdict`` is.
    public var reasons: [String]? {
        guard let verdict, let alarm, let testimony else { return nil }
        if verdict == .typical { return [] }
        let telling =
            testimony
            .filter { alarm.isReached(by: $0.rank.count, of: $0.rank.total, times: Verdict.unusualFactor) }
            .sorted { $0.rank.count < $1.rank.count }  // stable
        if telling.isEmpty {
            return ["combines its evidence unlike the learned images, though no kind of it alone is odd"]
        }
        return telling.map(\.reason)
    }

    /// Each kind of evidence, by name: its value and its own p-value, two-sided. Nil unless ``detail`` asks for it, and where
    /// ``rank`` is nil.
    var evidence: [Figure]? {
        guard detail == .evidence || detail == .pixels, let testimony else { return nil }
        return testimony.map { testimony in
            Figure(
                name: testimony.evidence.name,
                value: .members([
                    Figure(name: "value", value: .number(testimony.value)),
                    Figure(name: "p_value", value: .number(testimony.rank.pValue)),
                ]))
        }
    }

    /// Rate of false alarms that ``verdict`` has: the request's, else the model's.
    public var alarm: AlarmRate? { requestedAlarm ?? decision?.alarm }

    /// Names of the classes that the image may be of, the most fitting first: those whose own images are as odd, given their class, often
    /// enough. Empty says none of these. An image of a class is left out of its set with a frequency of at most ``classAlarm``,
    /// whatever the others are. Nil for a density given a class, and where a class cannot tell.
    ///
    /// Source: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (2005), §4.5, conformal prediction sets within
    /// each class; Angelopoulos and Bates (2023), §4.2, arXiv:2107.07511.
    public var classSet: [String]? {
        guard let alarm = classAlarm, let ranks = classRanks else { return nil }
        return ranks.indices
            .filter { !alarm.isReached(by: ranks[$0].count, of: ranks[$0].total) }
            .sorted { ranks[$0].pValue > ranks[$1].pValue }  // stable
            .map { record.classes[$0] }
    }

    /// Rate of false alarms that ``classSet`` has: that of ``verdict`` where every class has images enough for it, else the least of
    /// ``DecisionRecord/standardAlarms`` that it has.
    public var classAlarm: AlarmRate? {
        guard let decisions = record.decision?.classes?.compactMap({ $0 }), decisions.count == record.classes.count,
            let least = decisions.map(\.count).min()
        else { return nil }
        return ([alarm].compactMap { $0 } + DecisionRecord.standardAlarms).first { $0.leastImages <= least }
    }

    /// Rank of the image given each class among that class's own calibration images; nil where a class has none, or there is no
    /// evidence given classes.
    private var classRanks: [ConformalRank]? {
        guard detail != .none, let decisions = record.decision?.classes, !draws[0].classEvidence.isEmpty else {
            return nil
        }
        let ranks = zip(decisions, draws[0].classEvidence).compactMap { $0?.rank(of: $1) }
        return ranks.count == record.classes.count ? ranks : nil
    }

    /// What each kind of evidence says; nil where ``rank`` is.
    private var testimony: [DecisionRecord.Testimony]? {
        guard rank != nil, let values = draws[0].evidence else { return nil }
        return decision?.testimony(of: values)
    }
}
