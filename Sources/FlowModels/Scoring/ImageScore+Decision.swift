/// How much an answer says of whether an image is like the learned ones.
public enum ScoreDetail: String, Sendable, CaseIterable {
    /// Nothing: the density alone, which costs less.
    case none
    /// The verdict with its reasons, where the model has what it needs for one.
    case verdict
    /// Each kind of evidence too.
    case evidence
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
        guard detail == .evidence, let testimony else { return nil }
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
    public var alarm: AlarmRate? { requestedAlarm ?? record.decision?.alarm }

    /// What each kind of evidence says; nil where ``rank`` is.
    private var testimony: [DecisionRecord.Testimony]? {
        guard rank != nil, let values = draws[0].evidence else { return nil }
        return record.decision?.testimony(of: values)
    }
}
