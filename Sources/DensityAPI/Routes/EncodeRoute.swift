import FlowCore
import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// `POST /encode`: the latent of each image, with the error of the way there and back.
struct EncodeRoute: Route {
    static let path = "/encode"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.score)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What the head of a request asks for.
    private struct Ask: Sendable {
        var model: LoadedModel
        /// Index of the class; nil for none, of a class-conditional model the most probable one of each image.
        var classIndex: Int?
        var terms: RequestTerms
        var type: BodyType
        var reader: LogProbBodyReader
        var caller: Caller
        var rates: RequestRates
        var accepted: MediaType
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: ImageTerms.parameters + ["class", "model"])
        let imageTerms = try ImageTerms(query)
        let accepted = try Accept(request.fields).best(of: [.json, .npy])
        let type = try BodyType(request.fields, among: LogProbBodyReader.mediaTypes)
        let model = try context.service.models.model(named: query["model"])
        let ask = Ask(
            model: model, classIndex: try askedClass(query, of: model.record),
            terms: try RequestTerms(request, options: context.options), type: type,
            reader: LogProbBodyReader(
                input: ImageInput(record: model.record, terms: imageTerms), options: context.options),
            caller: request.caller, rates: request.rates, accepted: accepted)
        try context.service.check(
            EncodingWork.self, like: DensityRow(pixels: []), count: 1, by: model, terms: ask.terms)
        return .body(limit: ask.reader.limit(for: type), lengthRequired: true) { body in
            try await respond(to: ask, body: body)
        }
    }

    private func respond(to ask: Ask, body: [UInt8]) async throws -> ServerResponse {
        let start = ContinuousClock.now
        let deadline = start + (ask.terms.deadline ?? context.options.requestTimeout)
        let decoded = try await context.decoded(body, as: ask.type, by: ask.reader, for: ask.caller, until: deadline)
        let decodeTime = start.duration(to: .now)
        if !decoded.isList || ask.accepted != .json { _ = try decoded.rows() }
        let images = decoded.images.compactMap { try? $0.get() }
        try context.checkTime(
            EncodingWork.self, like: DensityRow(pixels: []), count: images.count, by: ask.model, "images")
        var rows = images.map { DensityRow(pixels: $0, classIndex: ask.classIndex) }
        var terms = ask.terms.after(decodeTime, spent: decoded.decodingTime)
        let (classes, answer, timings) = try await ask.rates.charged(rows: rows.count) {
            let (classes, timings) = try await context.classes(of: rows, by: ask.model, terms: terms)
            terms.deadline = max(.milliseconds(1), ContinuousClock.now.duration(to: deadline))
            for i in rows.indices { rows[i].classIndex = (try? classes[i].get()) ?? nil }
            // an image that no class has a density of has no latent either
            let known = rows.indices.filter { if case .success = classes[$0] { true } else { false } }
            let answer = try await context.service.encode(known.map { rows[$0] }, model: ask.model, terms: terms)
            return (classes, answer, timings)
        }
        var found = answer.results.makeIterator()
        let latents = zip(rows, classes).map { row, classIndex in
            classIndex.flatMap { _ -> Result<Encoded, Problem> in
                // as many as classes that are known
                found.next()!.map { Encoded(latent: $0, classIndex: row.classIndex) }
                    .mapError { context.problem(of: $0) }
            }
        }
        var next = 0
        let results = decoded.images.map { image in
            image.flatMap { _ in
                defer { next += 1 }
                return latents[next]
            }
        }
        let timing = ServerTiming(timings: answer.timings.after(timings), decode: decodeTime)
        return try await self.answer(decoded, results, ask, timing)
    }

    /// A latent and the class that it belongs to.
    private struct Encoded: Sendable {
        var latent: EncodedLatent
        var classIndex: Int?
    }

    private func answer(
        _ decoded: LogProbBody, _ results: [Result<Encoded, Problem>], _ ask: Ask, _ timing: ServerTiming
    ) async throws -> ServerResponse {
        let (isList, files) = (decoded.isList, decoded.files)
        let record = ask.model.record
        let shape = record.eventShape
        if !isList || ask.accepted != .json { for result in results { _ = try result.get() } }
        let latents = results.compactMap { try? $0.get().latent }
        let fields: HTTPFields = [
            .serverTiming: timing.description, .roundTripError: roundTripErrors(latents),
            .vary: "\(HTTPField.Name.accept)",
            .contentType: ask.accepted.description,
        ]
        let body = try await context.heavy(bytes: results.count * shape.dims * MemoryLayout<Float>.size) {
            () -> [UInt8] in
            guard ask.accepted == .json else {
                let axes = (isList ? [latents.count] : []) + [shape.height, shape.width, shape.channels]
                return NPYArray(shape: axes, latents.flatMap(\.latent)).encoded()
            }
            let head: [JSON.Member] = [
                .init("model", .string(ask.model.name)),
                .init("shape", .integers([shape.height, shape.width, shape.channels])),
            ]
            guard isList else { return JSON.object(head + members(try results[0].get(), record)).encoded }
            let entries = AnswerList(results.map { $0.map { members($0, record) } }, files: files)
            return JSON.object(head + entries.members("results")).encoded
        }
        return ServerResponse(status: .ok, fields: fields, body: .bytes(body))
    }

    private func members(_ encoded: Encoded, _ record: ModelRecord) -> [JSON.Member] {
        let latent = encoded.latent
        let named = encoded.classIndex.map { [JSON.Member("class", .string(record.classes[$0]))] } ?? []
        return named + [
            .init("latent", .array(latent.latent.map(JSON.float))), .init("log_prob", .number(latent.logProb)),
            .init("bits_per_dim", .number(record.bitsPerDim(logProb: latent.logProb))),
            .init("round_trip_error", latent.roundTripError?.json ?? .null),
        ]
    }
}
