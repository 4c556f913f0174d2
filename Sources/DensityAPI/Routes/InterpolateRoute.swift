import FlowCore
import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// `POST /interpolate`: images of the latents between those of two images, on a sphere.
struct InterpolateRoute: Route {
    static let path = "/interpolate"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.sample)
    /// Number of images when `steps` is not given.
    static let standardSteps = 8
    /// Most images in a row of a sheet.
    private static let sheetColumns = 10
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What the head of a request asks for.
    private struct Ask: Sendable {
        var model: LoadedModel
        /// Number of images, the two ends among them.
        var steps: Int
        /// Index of the class; nil for none, of a class-conditional model the most probable one of both images.
        var classIndex: Int?
        var terms: RequestTerms
        var type: BodyType
        var reader: LogProbBodyReader
        var caller: Caller
        var rates: RequestRates
        var accepted: MediaType
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: ["steps"] + ImageTerms.parameters + ["class", "model"])
        let steps = try query.integer("steps", in: 2...context.options.maxInterpolationSteps)
        let imageTerms = try ImageTerms(query)
        let accepted = try Accept(request.fields).best(of: [.json, .png, .npy])
        let type = try BodyType(request.fields, among: LogProbBodyReader.mediaTypes)
        let model = try context.service.models.model(named: query["model"])
        var options = context.options
        options.maxRequestRows = 2
        let ask = Ask(
            model: model, steps: steps ?? min(Self.standardSteps, options.maxInterpolationSteps),
            classIndex: try askedClass(query, of: model.record),
            terms: try RequestTerms(request, options: options), type: type,
            reader: LogProbBodyReader(input: ImageInput(record: model.record, terms: imageTerms), options: options),
            caller: request.caller, rates: request.rates, accepted: accepted)
        try context.service.check(
            DecodingWork.self, like: LatentRow(latent: []), count: ask.steps, by: model, terms: ask.terms)
        return .body(limit: ask.reader.limit(for: type), lengthRequired: true) { body in
            try await respond(to: ask, body: body)
        }
    }

    private func respond(to ask: Ask, body: [UInt8]) async throws -> ServerResponse {
        let start = ContinuousClock.now
        let deadline = start + (ask.terms.deadline ?? context.options.requestTimeout)
        let decoded = try await context.decoded(body, as: ask.type, by: ask.reader, for: ask.caller, until: deadline)
        let decodeTime = start.duration(to: .now)
        guard decoded.images.count == 2 else {
            throw Problem(.imageCount, "the number of images must be 2, not \(decoded.images.count)")
        }
        try context.checkTime(
            DecodingWork.self, like: LatentRow(latent: []), count: ask.steps, by: ask.model, "steps")
        let rows = try decoded.rows().map { DensityRow(pixels: $0, classIndex: ask.classIndex) }
        let terms = ask.terms.after(decodeTime, spent: decoded.decodingTime)
        let path = try await ask.rates.charged(rows: rows.count + ask.steps) {
            try await interpolated(rows, ask, terms, until: deadline)
        }
        let body = try await context.heavy(bytes: path.images.count * ask.model.record.eventShape.dims) {
            try encode(path.images, path.ends, path.classIndex, ask)
        }
        return ServerResponse(
            status: .ok,
            fields: [
                .contentType: ask.accepted.description, .vary: "\(HTTPField.Name.accept)",
                .serverTiming: ServerTiming(timings: path.timings, decode: decodeTime).description,
                .roundTripError: roundTripErrors(path.ends, latents: path.images.map(\.roundTripError)),
            ], body: .bytes(body))
    }

    /// Images between two, the latents of these, and the class that all belong to.
    private struct Path: Sendable {
        var images: [DecodedLatent]
        var ends: [EncodedLatent]
        var classIndex: Int?
        var timings: RequestTimings
    }

    /// The images between those of `rows`.
    /// - Throws: ``Problem``, ``ServingError``.
    private func interpolated(
        _ rows: [DensityRow], _ ask: Ask, _ terms: RequestTerms, until deadline: ContinuousClock.Instant
    ) async throws -> Path {
        var (rows, terms) = (rows, terms)
        func keepDeadline() { terms.deadline = max(.milliseconds(1), ContinuousClock.now.duration(to: deadline)) }
        let (classIndex, timings) = try await context.commonClass(of: rows, by: ask.model, terms: terms)
        for i in rows.indices { rows[i].classIndex = classIndex }
        keepDeadline()
        let encoded = try await context.service.encode(rows, model: ask.model, terms: terms)
        let ends = try encoded.results.map { result in
            switch result {
            case .success(let latent): latent
            case .failure(let failure): throw context.problem(of: failure)
            }
        }
        let points = try await context.heavy(
            bytes: ask.steps * ask.model.record.eventShape.dims * MemoryLayout<Float>.size
        ) {
            (0..<ask.steps).map { step in
                sphericalInterpolation(
                    ends[0].latent, ends[1].latent, at: Double(step) / Double(ask.steps - 1))
            }
        }
        keepDeadline()
        let answer = try await context.service.decode(
            points.map { LatentRow(latent: $0, classIndex: classIndex) }, model: ask.model, terms: terms)
        let images = try answer.results.map { result in
            switch result {
            case .success(let image): image
            case .failure(let failure): throw context.problem(ofLatent: failure)
            }
        }
        return Path(
            images: images, ends: ends, classIndex: classIndex,
            timings: answer.timings.after(encoded.timings).after(timings))
    }

    private func encode(
        _ images: [DecodedLatent], _ ends: [EncodedLatent], _ classIndex: Int?, _ ask: Ask
    ) throws -> [UInt8] {
        let record = ask.model.record
        let drawn = DrawnImages(images.map(\.image), record)
        switch ask.accepted {
        case .png: return try drawn.sheet(columns: min(images.count, Self.sheetColumns))
        case .npy: return drawn.npy
        default:
            let items = try images.indices.map { index -> JSON in
                .object(
                    [.init("index", .integer(index))] + (try drawn.members(index)) + [
                        .init("position", .number(Double(index) / Double(images.count - 1))),
                        .init("round_trip_error", .roundTripError(latent: images[index].roundTripError)),
                    ])
            }
            let endpoints = ends.map { end -> JSON in
                ["log_prob": .number(end.logProb), "round_trip_error": end.roundTripError?.json ?? .null]
            }
            let named = classIndex.map { [JSON.Member("class", .string(record.classes[$0]))] } ?? []
            return JSON.object(
                [.init("model", .string(ask.model.name))] + named + [
                    .init("endpoints", .array(endpoints)), .init("images", .array(items)),
                ]
            ).encoded
        }
    }
}
