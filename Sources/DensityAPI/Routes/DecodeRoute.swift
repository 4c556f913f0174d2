import FlowCore
import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `POST /decode`: the image of each latent, with the error of the way there and back.
struct DecodeRoute: Route {
    static let path = "/decode"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.sample)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What the head of a request asks for.
    private struct Ask: Sendable {
        var model: LoadedModel
        var classIndex: Int?
        var wantsStates: Bool
        var terms: RequestTerms
        var type: BodyType
        var reader: LatentBodyReader
        var caller: Caller
        var rates: RequestRates
        var accepted: MediaType
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: ["class", "model", "states"])
        let accepted = try Accept(request.fields).best(of: [.json, .png, .npy])
        let wantsStates = try query.choice("states", of: YesOrNo.self) == .yes
        if wantsStates, accepted != .json {
            throw Problem(.parameter, "states is true for \(accepted); only \(MediaType.json) has them")
        }
        let type = try BodyType(request.fields, among: LatentBodyReader.mediaTypes)
        let model = try context.service.models.model(named: query["model"])
        let ask = Ask(
            model: model,
            classIndex: try neededClass(query, of: model.record, "a latent belongs to a class of this model"),
            wantsStates: wantsStates,
            terms: try RequestTerms(request, options: context.options), type: type,
            reader: LatentBodyReader(record: model.record, options: context.options), caller: request.caller,
            rates: request.rates, accepted: accepted)
        try context.service.check(DecodingWork.self, like: LatentRow(latent: []), count: 1, by: model, terms: ask.terms)
        return .body(limit: ask.reader.limit, lengthRequired: true) { body in
            try await respond(to: ask, body: body)
        }
    }

    private func respond(to ask: Ask, body: [UInt8]) async throws -> ServerResponse {
        let start = ContinuousClock.now
        let deadline = start + (ask.terms.deadline ?? context.options.requestTimeout)
        let read = try await context.latents(body, as: ask.type, by: ask.reader, for: ask.caller, until: deadline)
        let decodeTime = start.duration(to: .now)
        if ask.accepted != .json { for latent in read.latents { _ = try latent.get() } }
        let rows = read.latents.compactMap { latent in
            (try? latent.get()).map {
                LatentRow(latent: $0, classIndex: ask.classIndex, wantsStates: ask.wantsStates)
            }
        }
        if ask.wantsStates, rows.count > 1 {
            throw Problem(.parameter, "states is true with \(rows.count) latents; it takes one")
        }
        try context.checkTime(
            DecodingWork.self, like: LatentRow(latent: []), count: rows.count, by: ask.model, "latents")
        let answer = try await ask.rates.charged(rows: rows.count) {
            try await context.service.decode(
                rows, model: ask.model, terms: ask.terms.after(decodeTime, spent: .zero))
        }
        var next = 0
        let results = read.latents.map { latent in
            latent.flatMap { _ in
                defer { next += 1 }
                return answer.results[next].mapError { context.problem(ofLatent: $0) }
            }
        }
        if !read.isList || ask.accepted != .json { for result in results { _ = try result.get() } }
        let encoded = try await context.heavy(bytes: results.count * ask.model.record.eventShape.dims) {
            try encode(results, ask)
        }
        let errors = results.compactMap { try? $0.get().roundTripError }
        return ServerResponse(
            status: .ok,
            fields: [
                .contentType: ask.accepted.description, .vary: "\(HTTPField.Name.accept)",
                .serverTiming: ServerTiming(timings: answer.timings, decode: decodeTime).description,
                .roundTripError: roundTripErrors([], latents: errors),
            ], body: .bytes(encoded))
    }

    private func encode(_ results: [Result<DecodedLatent, Problem>], _ ask: Ask) throws -> [UInt8] {
        let record = ask.model.record
        let drawn = results.compactMap { try? $0.get() }
        let images = DrawnImages(drawn.map(\.image), record)
        switch ask.accepted {
        case .png: return try images.sheet()
        case .npy: return images.npy
        default:
            var next = 0
            let items = try results.map { result -> Result<[JSON.Member], Problem> in
                guard case .failure(let problem) = result else {
                    defer { next += 1 }
                    return .success(
                        try images.members(next) + [
                            .init("round_trip_error", .roundTripError(latent: drawn[next].roundTripError))
                        ] + states(of: drawn[next], record))
                }
                return .failure(problem)
            }
            return JSON.object(
                [.init("model", .string(ask.model.name))] + AnswerList(items).members("images")
            ).encoded
        }
    }

    /// The member `states`; none where they were not asked for.
    private func states(of latent: DecodedLatent, _ record: ModelRecord) throws -> [JSON.Member] {
        if latent.states.isEmpty { return [] }
        let images = DrawnImages(latent.states.map { DrawnImage(pixels: $0, logDensity: 0) }, record)
        return [.init("states", .array(try latent.states.indices.map { .string(try images.picture($0)) }))]
    }
}

extension APIContext {
    /// Problem that the failure of a latent is to a client; what clients are not told is reported.
    func problem(ofLatent failure: RowFailure) -> Problem {
        switch failure {
        case .notFinite:
            return Problem(
                .densityNotFinite, "latent: its image is not finite, so far is it from what the model has learned")
        case .refused(let reason):
            options.report(reason)
            return Problem(.internal, "latent: the model could not compute its image")
        }
    }
}
