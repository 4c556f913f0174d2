import FlowCore
import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// `POST /complete`: images whose known pixels are given, and the rest of which is drawn.
struct CompleteRoute: Route {
    static let path = "/complete"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.sample)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What the head of a request asks for.
    private struct Ask: Sendable {
        var model: LoadedModel
        var count: Int
        /// Temperature as it was sent.
        var temperature: Double
        /// Terms of the draws, without an image.
        var draw: CompletionRow
        var terms: RequestTerms
        var type: BodyType
        var reader: CompletionBodyReader
        var caller: Caller
        var rates: RequestRates
        var accepted: MediaType
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let options = context.options
        let query = try Query(
            request.query,
            known: ["count", "seed", "temperature", "class", "model"] + ImageTerms.parameters + ["particles", "moves"])
        let count = try query.integer("count", in: 1...options.maxSampleCount) ?? 1
        var draw = CompletionRow(
            pixels: [], isKnown: [], seed: try query.unsigned("seed") ?? UInt64.random(in: 0..<1 << 53), index: 0)
        let temperature = try query.positive("temperature", upTo: SamplingRequest.maxTemperature) ?? 1
        draw.temperature = Float(temperature)
        draw.particles =
            try query.integer("particles", in: 1...options.maxCompletionParticles)
            ?? min(draw.particles, options.maxCompletionParticles)
        draw.moves =
            try query.integer("moves", in: 1...options.maxCompletionMoves)
            ?? min(draw.moves, options.maxCompletionMoves)
        let imageTerms = try ImageTerms(query)
        let accepted = try Accept(request.fields).best(of: [.json, .png, .npy])
        let type = try BodyType(request.fields, among: CompletionBodyReader.mediaTypes)
        let model = try context.service.models.model(named: query["model"])
        draw.classIndex = try askedClass(query, of: model.record)
        let ask = Ask(
            model: model, count: count, temperature: temperature, draw: draw,
            terms: try RequestTerms(request, options: options), type: type,
            reader: CompletionBodyReader(record: model.record, terms: imageTerms, options: options),
            caller: request.caller, rates: request.rates,
            accepted: accepted)
        try context.service.check(CompletionWork.self, like: draw, count: count, by: model, terms: ask.terms)
        return .body(limit: ask.reader.limit(for: type), lengthRequired: true) { body in
            try await respond(to: ask, body: body)
        }
    }

    private func respond(to ask: Ask, body: [UInt8]) async throws -> ServerResponse {
        let start = ContinuousClock.now
        let deadline = start + (ask.terms.deadline ?? context.options.requestTimeout)
        let decoded = try await context.decoded(body, as: ask.type, by: ask.reader, for: ask.caller, until: deadline)
        let decodeTime = start.duration(to: .now)
        var draw = ask.draw
        draw.pixels = try decoded.images[0].get()
        draw.isKnown = try decoded.images[1].get().map { $0 == 0 }
        let method = try await context.service.completionMethod(of: draw, by: ask.model, terms: ask.terms)
        if method == .chain, ask.model.record.isConditional, draw.classIndex == nil {
            throw Problem(
                .parameter,
                "class is needed, since this model's images are completed by \(method.rawValue); it is one of "
                    + ask.model.record.classes.joined(separator: ", "))
        }
        // what a method has no use for costs nothing
        if method != .particles { draw.particles = 1 }
        if method != .chain { draw.moves = 1 }
        try context.checkTime(CompletionWork.self, like: draw, count: ask.count, by: ask.model, "images")
        let rows = (0..<ask.count).map { index in
            var row = draw
            row.index = UInt64(index)
            return row
        }
        let answer = try await ask.rates.charged(rows: rows.count) {
            try await context.service.complete(
                rows, model: ask.model, terms: ask.terms.after(decodeTime, spent: decoded.decodingTime))
        }
        let images = try answer.results.map { result in
            switch result {
            case .success(let image): image
            case .failure(let failure): throw problem(of: failure)
            }
        }
        let encodedDraw = draw
        let body = try await context.heavy(bytes: images.count * draw.pixels.count) {
            try encode(images, encodedDraw, method, ask)
        }
        return ServerResponse(
            status: .ok,
            fields: [
                .contentType: ask.accepted.description, .seed: String(draw.seed), .vary: "\(HTTPField.Name.accept)",
                .method: method.rawValue,
                .serverTiming: ServerTiming(timings: answer.timings, decode: decodeTime).description,
                .roundTripError: roundTripErrors([], latents: images.map(\.roundTripError)),
            ], body: .bytes(body))
    }

    private func problem(of failure: RowFailure) -> Problem {
        switch failure {
        case .notFinite:
            return Problem(
                .densityNotFinite,
                "image: a completion is not finite; the known pixels are too far from what was learned")
        case .refused(let reason):
            context.options.report(reason)
            return Problem(.internal, "image: the model could not complete it")
        }
    }

    private func encode(
        _ images: [CompletedImage], _ draw: CompletionRow, _ method: CompletionMethod, _ ask: Ask
    ) throws -> [UInt8] {
        let record = ask.model.record
        let drawn = DrawnImages(images.map(\.image), record)
        switch ask.accepted {
        case .png: return try drawn.sheet()
        case .npy: return drawn.npy
        default:
            let items = try images.enumerated().map { index, image -> JSON in
                var members = [JSON.Member("index", .integer(index))] + (try drawn.members(index))
                members.append(.init("round_trip_error", .roundTripError(latent: image.roundTripError)))
                if let size = image.effectiveSampleSize {
                    members.append(.init("effective_sample_size", .number(size)))
                }
                if let ancestors = image.ancestors { members.append(.init("ancestors", .integer(ancestors))) }
                if let acceptance = image.acceptance { members.append(.init("acceptance", .number(acceptance))) }
                return .object(members)
            }
            let effort: [JSON.Member] =
                switch method {
                case .conditional: []
                case .particles: [.init("particles", .integer(draw.particles))]
                case .chain: [.init("moves", .integer(draw.moves))]
                }
            return JSON.object(
                [
                    .init("model", .string(ask.model.name)), .init("seed", .unsigned(draw.seed)),
                    .init("temperature", .number(ask.temperature)), .init("method", .string(method.rawValue)),
                    .init("exact", .bool(method.isExact)),
                    .init("known_pixels", .integer(draw.isKnown.count { $0 })),
                ] + effort + [.init("samples", .array(items))]
            ).encoded
        }
    }
}
