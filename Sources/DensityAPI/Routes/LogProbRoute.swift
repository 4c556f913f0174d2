import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// `POST /logprob`: log-density of each image, in nats and bits/dim.
struct LogProbRoute: Route {
    static let path = "/logprob"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.score)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What the head of a request asks for.
    private struct Ask: Sendable {
        var model: LoadedModel
        /// Index of the class; nil for none, of a class-conditional model the mixture of all.
        var classIndex: Int?
        var samples: Int
        var detail: ScoreDetail
        /// Rate of false alarms that was asked for; nil for the model's own.
        var alarm: AlarmRate?
        var terms: RequestTerms
        var type: MediaType
        var reader: LogProbBodyReader
        var caller: Caller

        /// Whether the evidence says anything of the density that is asked for.
        var wantsEvidence: Bool {
            detail != .none && model.record.decision != nil && model.record.calibrates(classIndex: classIndex)
        }

        /// A row that costs as much as each of the request's.
        var row: DensityRow { DensityRow(pixels: [], classIndex: classIndex) }
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let options = context.options
        let query = try Query(request.query, known: ["fit", "samples", "class", "model", "detail", "alarm"])
        let samples = try query.integer("samples", in: 1...options.maxImportanceSamples) ?? 1
        let fit = try query.choice("fit", of: ImageFit.self)
        _ = try Accept(request.fields).best(of: [.json])
        let type = try MediaType.ofBody(request.fields, among: LogProbBodyReader.mediaTypes)
        let model = try context.service.models.model(named: query["model"])
        let classIndex = try classIndex(query, of: model.record)
        let (detail, alarm) = try decision(query, by: model.record.decision)
        let reader = LogProbBodyReader(input: ImageInput(record: model.record, fit: fit), options: options)
        let terms = try RequestTerms(request, options: options)
        let ask = Ask(
            model: model, classIndex: classIndex, samples: samples, detail: detail, alarm: alarm, terms: terms,
            type: type, reader: reader,
            caller: request.caller)
        // A request that cannot be done in time costs neither its body nor its decoding.
        try context.service.check(DensityWork.self, like: ask.row, count: samples, by: model, terms: terms)
        return .body(limit: reader.limit(for: type), lengthRequired: true) { body in
            try await respond(to: ask, body: body)
        }
    }

    private func respond(to ask: Ask, body: [UInt8]) async throws -> ServerResponse {
        let start = ContinuousClock.now
        let deadline = start + (ask.terms.deadline ?? context.options.requestTimeout)
        let decoded = try await context.decoded(
            body, as: ask.type, by: ask.reader, for: ask.caller, until: deadline)
        let decodeTime = start.duration(to: .now)
        guard decoded.images.count * ask.samples <= context.options.maxRequestRows else {
            throw Problem(
                .imageCount,
                "\(decoded.images.count) images times samples=\(ask.samples) is more than the limit of "
                    + "\(context.options.maxRequestRows)")
        }
        if !decoded.isList { _ = try decoded.images[0].get() }
        let rowCount = decoded.images.count { (try? $0.get()) != nil } * ask.samples
        try context.checkTime(
            DensityWork.self, like: ask.row, count: rowCount, by: ask.model, "images, times samples,")

        let rows = decoded.images.flatMap { image in
            switch image {
            case .success(let pixels):
                (0..<ask.samples).map {
                    DensityRow(
                        pixels: pixels, draw: UInt32($0), classIndex: ask.classIndex,
                        wantsEvidence: $0 == 0 && ask.wantsEvidence)
                }
            case .failure: [DensityRow]()
            }
        }
        let answer = try await context.service.logDensities(
            of: rows, model: ask.model, terms: ask.terms.after(decodeTime, spent: decoded.decodingTime))
        let results = scores(of: decoded.images, answer.results, ask)
        let timing = ServerTiming(timings: answer.timings, decode: decodeTime)
        return .json(
            try json(decoded.isList, results, ask), fields: [.serverTiming: timing.description])
    }

    /// The scores of `images`, each of its `samples` rows of `values`.
    private func scores(
        of images: [Result<[UInt8], Problem>], _ values: [Result<RowDensity, RowFailure>], _ ask: Ask
    ) -> [Result<ImageScore, Problem>] {
        var next = 0
        return images.map { image in
            image.flatMap { _ in
                defer { next += ask.samples }
                return Result { () throws(Problem) in
                    let draws = try values[next..<next + ask.samples].map { value throws(Problem) in
                        switch value {
                        case .success(let draw): return draw
                        case .failure(let failure):
                            if case .refused(let reason) = failure { context.options.report(reason) }
                            throw Problem(failure)
                        }
                    }
                    return ImageScore(
                        draws: draws, classIndex: ask.classIndex, record: ask.model.record, detail: ask.detail,
                        alarm: ask.alarm)
                }
            }
        }
    }

    private func json(_ isList: Bool, _ results: [Result<ImageScore, Problem>], _ ask: Ask) throws -> JSON {
        let model = JSON.Member("model", .string(ask.model.record.name))
        guard isList else { return .object([model] + (try results[0].get().json)) }
        let items = results.map { result in
            switch result {
            case .success(let score): JSON.object(score.json)
            case .failure(let problem): problem.item
            }
        }
        return .object([model, .init("results", .array(items))])
    }
}

/// The index of the class that a request names, or nil when it names none. A model that is not class-conditional and has
/// learned a single class may be asked for that.
/// - Throws: ``ProblemKind/parameter`` for a class that there is no density of.
func classIndex(_ query: Query, of record: ModelRecord) throws(Problem) -> Int? {
    guard let name = query["class"] else { return nil }
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

/// How much a request wants to know of whether an image is like the learned ones, and its rate of false alarms.
/// - Throws: ``QueryError``; ``ProblemKind/parameter`` for what `decision`, the model's, cannot say.
private func decision(_ query: Query, by decision: DecisionRecord?) throws -> (ScoreDetail, AlarmRate?) {
    let detail = try query.choice("detail", of: ScoreDetail.self)
    guard let text = query["alarm"] else {
        if detail == .evidence, decision == nil { throw Problem(.parameter, "detail: \(undecided)") }
        return (detail ?? .verdict, nil)
    }
    guard let alarm = AlarmRate(text) else {
        throw QueryError.invalid(
            name: "alarm", expected: "a decimal fraction above 0 and at most 0.5, of \(AlarmRate.maxDigits) digits",
            value: text)
    }
    guard let decision else { throw Problem(.parameter, "alarm: \(undecided)") }
    guard decision.count >= alarm.leastImages else {
        throw Problem(
            .parameter,
            "alarm: a rate of \(text) needs \(alarm.leastImages) calibration images, and the model has \(decision.count)"
        )
    }
    return (detail ?? .verdict, alarm)
}

private let undecided = "the model has no calibration of its evidence, which tusk calibrate adds"
