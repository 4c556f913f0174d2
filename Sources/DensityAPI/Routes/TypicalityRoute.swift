import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `POST /typicality`: whether a set of images, taken together, is like the learned ones.
struct TypicalityRoute: Route {
    static let path = "/typicality"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.score)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: ScoringRequest.parameters + ["alarm"])
        _ = try Accept(request.fields).best(of: [.json])
        var ask = try ScoringRequest(request, query, context)
        guard let calibrated = ask.model.record.decision else { throw Problem(.parameter, "model: \(undecided())") }
        let alarm = try alarmRate(query) ?? calibrated.alarm
        guard SetTypicality.tells(at: alarm, by: calibrated) else {
            throw Problem(
                .parameter,
                "alarm: a rate of \(alarm) is below what \(SetTypicality.permutations) choices of images tell of a set")
        }
        // A set was chosen, and is no stream.
        ask.isOfStream = false
        return try ask.reading { [context] scored in
            let evidence = try scored.results.enumerated().map { index, result throws(Problem) in
                do throws(Problem) {
                    return try result.get().draws[0].evidence ?? []
                } catch {
                    throw scored.results.count == 1 ? error : error.of(scored.name(of: index))
                }
            }
            let found = await context.helpers.run { SetTypicality(of: evidence, by: calibrated) }
            guard let set = found else {
                throw Problem(.densityNotFinite, "image: a kind of its evidence is not a number")
            }
            return .json(
                set.json(model: scored.model.name, alarm: alarm),
                fields: [.serverTiming: scored.timing.description])
        }
    }
}

extension SetTypicality {
    fileprivate func json(model: String, alarm: AlarmRate) -> JSON {
        [
            "model": .string(model),
            "images": .integer(count),
            "verdict": .string(verdict(at: alarm).rawValue),
            "alarm": .number(alarm.value),
            "p_value": .number(rank.pValue),
            "as_odd": .integer(rank.count),
            "as_odd_of": .integer(rank.total),
            "reasons": .array(reasons(at: alarm).map(JSON.string)),
            "outliers": .integer(outliers),
            "unusual": .integer(unusual),
            "tests": .array(
                findings.map { finding in
                    [
                        "name": .string(finding.name), "p_value": .number(finding.rank.pValue),
                        "direction": .string(finding.isHigh ? "high" : "low"),
                    ]
                }),
        ]
    }
}
