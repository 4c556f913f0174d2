import FlowModels
import FoundationEssentials
import Glibc
import HTTPContent
import Serving

extension LoadedModel {
    /// The state of the test of drift.
    /// - Throws: ``ProblemKind/parameter`` for a model that has none.
    func driftAnswer() throws(Problem) -> JSON {
        guard let drift else { throw Problem(.parameter, "model: \(undecided())") }
        let test = drift.test
        let state = test.state
        let suspicion = test.leading.map { range, start -> JSON in
            [
                "since": start.json, "images_that": .string(range.meaning), "expected_at_most": .number(range.bound),
            ]
        }
        return [
            "model": .string(name),
            "drifted": .bool(state.alarm != nil),
            "drifted_since": state.alarm?.json ?? .null,
            "wealth": .number(min(exp(test.logWealth), .greatestFiniteMagnitude)),
            "log_wealth": .number(test.logWealth),
            "alarm_level": .number(drift.reference.alarmLevel),
            "alarm": .number(drift.reference.alarm.value),
            "suspicion": suspicion ?? .null,
            "images": .integer(state.images),
            "passed_over": .integer(state.passedOver),
            "outliers": .integer(state.outliers),
            "unusual": .integer(state.unusual),
            "began": state.began.map { .string(timestamp($0.time)) } ?? .null,
            "calibration_images": .integer(drift.reference.images),
        ]
    }
}

extension DriftMartingale.Moment {
    fileprivate var json: JSON { ["image": .integer(image), "time": .string(timestamp(time))] }
}

/// Unix time as text (RFC 3339), UTC.
func timestamp(_ time: Int) -> String { Date(timeIntervalSince1970: Double(time)).ISO8601Format() }
