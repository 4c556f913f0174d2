import FlowCore
package import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// `POST /logprob`: log-density of each image, in nats and bits/dim, and whether it is like the learned ones.
struct LogProbRoute: Route {
    static let path = "/logprob"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.score)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: ScoringRequest.parameters + ScoringRequest.scoreParameters)
        var ask = try ScoringRequest(request, query, context, more: [.ndjson])
        try ask.read(query)
        if ask.type.named?.isSame(as: .ndjson) == true {
            _ = try Accept(request.fields).best(of: [.ndjson])
            return try ask.streaming()
        }
        let type = try Accept(request.fields).best(of: ask.detail == .pixels ? [.json, .png] : [.json])
        return try ask.reading { scored in
            type == .png ? try overlay(scored) : try answer(scored)
        }
    }

    private func answer(_ scored: ScoringRequest.Scored) throws -> ServerResponse {
        .json(try json(scored), fields: [.serverTiming: scored.timing.description])
    }

    /// The image, and beside it where it is odd.
    private func overlay(_ scored: ScoringRequest.Scored) throws -> ServerResponse {
        guard !scored.isList else {
            throw Problem(
                .notAcceptable, "Accept: the overlay is of one image; a list is answered as \(MediaType.json)")
        }
        let score = try scored.results[0].get()
        let shape = scored.model.record.eventShape
        guard let map = score.pixelMap, ColorMode(channels: shape.channels) != nil else {
            throw Problem(
                .notAcceptable, "Accept: no image has \(shape.channels) channels; the answer can be \(MediaType.json)")
        }
        let image = scored.model.record.picture(of: try scored.images[0].get())
        let scale = max(1, 224 / max(shape.width, shape.height))
        return ServerResponse(
            status: .ok,
            fields: [.contentType: MediaType.png.description, .serverTiming: scored.timing.description],
            body: .bytes(try encodePNG(image.overlaid(strength: map.strength, scale: scale))))
    }

    private func json(_ scored: ScoringRequest.Scored) throws -> JSON {
        let model = JSON.Member("model", .string(scored.model.name))
        guard scored.isList else { return .object([model] + (try scored.results[0].get().json)) }
        let entries = AnswerList(scored.results.map { $0.map(\.json) }, files: scored.files)
        return .object([model] + entries.members("results"))
    }
}

/// Value of a parameter that is one or the other.
enum YesOrNo: String, CaseIterable {
    case yes = "true"
    case no = "false"
}

/// Refuses to tell the classes' posterior of what has none.
/// - Throws: ``ProblemKind/parameter``.
package func checkPosterior(of record: ModelRecord, givenClass classIndex: Int?) throws(Problem) {
    guard record.isConditional else {
        throw Problem(.parameter, "posterior: the model is not class-conditional")
    }
    if let classIndex {
        throw Problem(.parameter, "posterior: there is none given the class \(record.classes[classIndex])")
    }
}

/// The index of the class that a request names, or nil when it names none. A model that is not class-conditional and has
/// learned a single class may be asked for that.
/// - Throws: ``ProblemKind/parameter`` for a class that there is no density of.
func askedClass(_ query: Query, of record: ModelRecord) throws(Problem) -> Int? {
    try classIndex(named: query["class"], of: record)
}

/// The index of the class called `name`, as ``askedClass(_:of:)`` finds it; nil for none.
/// - Throws: ``ProblemKind/parameter`` for a class that there is no density of.
package func classIndex(named name: String?, of record: ModelRecord) throws(Problem) -> Int? {
    guard let name else { return nil }
    if !record.isConditional {
        guard record.classes == [name] else {
            let classes = record.classes.isEmpty ? "none" : record.classes.joined(separator: ", ")
            throw Problem(
                .parameter,
                "class: the model is not class-conditional, and knows no \(quoted(name)); it learned \(classes)")
        }
        return nil
    }
    guard let index = record.classes.firstIndex(of: name) else {
        throw Problem(
            .parameter, "class must be one of \(record.classes.joined(separator: ", ")), not \(quoted(name))")
    }
    return index
}

/// How much is said of an image, and the rate of false alarms that `alarm` writes; nil for the model's own.
/// - Throws: ``QueryError``; ``ProblemKind/parameter`` for what the model's decision, or that given a class, cannot say.
package func scoreTerms(
    detail: ScoreDetail?, alarm text: String?, of record: ModelRecord, givenClass classIndex: Int?
) throws -> (ScoreDetail, AlarmRate?) {
    let decision = record.decision(givenClass: classIndex)
    let owner = record.isConditional ? classIndex.map { "class \(record.classes[$0])" } ?? "the model" : "the model"
    guard let alarm = try alarmRate(text) else {
        if detail == .evidence, decision == nil { throw Problem(.parameter, "detail: \(undecided(owner))") }
        return (detail ?? .verdict, nil)
    }
    guard let decision else { throw Problem(.parameter, "alarm: \(undecided(owner))") }
    guard decision.count >= alarm.leastImages else {
        throw Problem(
            .parameter,
            "alarm: a rate of \(alarm) needs \(alarm.leastImages) calibration images, and \(owner) has \(decision.count)"
        )
    }
    return (detail ?? .verdict, alarm)
}

/// Rate of false alarms that a request asks for; nil when it asks for none.
/// - Throws: ``QueryError`` for what is no rate.
func alarmRate(_ query: Query) throws(QueryError) -> AlarmRate? { try alarmRate(query["alarm"]) }

/// Rate of false alarms that `text` writes; nil for none.
/// - Throws: ``QueryError`` for what is no rate.
private func alarmRate(_ text: String?) throws(QueryError) -> AlarmRate? {
    guard let text else { return nil }
    guard let alarm = AlarmRate(text) else {
        throw QueryError.invalid(
            name: "alarm", expected: "a decimal fraction above 0 and at most 0.5, of \(AlarmRate.maxDigits) digits",
            value: text)
    }
    return alarm
}

/// What `owner`, the model or a class of it, lacks, as the end of a problem's detail.
func undecided(_ owner: String = "the model") -> String {
    "\(owner) has no calibration of its evidence, which tusk calibrate adds"
}
