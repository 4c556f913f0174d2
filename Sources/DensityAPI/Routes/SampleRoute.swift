import FlowCore
import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// `GET /sample`: images drawn from the density.
struct SampleRoute: Route {
    static let path = "/sample"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.sample)
    /// Largest `temperature`.
    static let maxTemperature = 2.0
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What a request asks for.
    private struct Ask: Sendable {
        var model: LoadedModel
        var count: Int
        var seed: UInt64
        /// Temperature as it was sent.
        var temperature: Double
        /// Index of the class; nil for none, of a class-conditional model one that is drawn first, by the class prior.
        var classIndex: Int?
        var terms: RequestTerms
        var type: MediaType
        /// Tag of the answer; nil when the seed was not given, since nobody can ask for the same again.
        var tag: EntityTag?

        var rows: [SampleRow] {
            (0..<count).map {
                SampleRow(seed: seed, index: UInt64($0), temperature: Float(temperature), classIndex: classIndex)
            }
        }
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: ["count", "seed", "temperature", "class", "model"])
        let count = try query.integer("count", in: 1...context.options.maxSampleCount) ?? 1
        // Below 2^53, so that it survives readers that have only doubles.
        let givenSeed = try query.unsigned("seed")
        let seed = givenSeed ?? UInt64.random(in: 0..<1 << 53)
        let temperature = try query.positive("temperature", upTo: Self.maxTemperature) ?? 1
        let type = try Accept(request.fields).best(of: [.json, .png, .npy, .ndjson])
        let model = try context.service.models.model(named: request.modelName(query))
        let classIndex = try classIndex(query, of: model.record)
        var asked = Ask(
            model: model, count: count, seed: seed, temperature: temperature, classIndex: classIndex,
            terms: try RequestTerms(request, options: context.options), type: type)
        asked.terms.isStream = type == .ndjson
        if givenSeed != nil { asked.tag = tag(of: asked) }
        let ask = asked
        // A client that has these very images is told so before they are drawn.
        if request.method == .head || ask.tag?.isNamed(in: request.fields) == true {
            // Nothing is drawn, so the length is not known: a stream says so, where no body would say 0.
            let nothing = AsyncThrowingStream<[UInt8], any Error> { $0.finish() }
            return .done(ServerResponse(status: .ok, fields: fields(ask, timings: nil), body: .stream(nothing)))
        }
        try checkCount(ask)
        return .later { try await respond(to: ask) }
    }

    /// Tag of all that the images follow from; a model is known by its name, the log-density of its check vector, which
    /// the file holds, and the precision that it was loaded in. Weak, because another kind of CPU may change the last digits.
    private func tag(of ask: Ask) -> EntityTag {
        let record = ask.model.record
        return EntityTag(following: [
            context.options.version, record.name, String(record.check.logProb.bitPattern), "\(ask.model.precision)",
            String(ask.count), String(ask.seed), String(ask.temperature.bitPattern),
            ask.classIndex.map(String.init) ?? "",
            ask.type.description,
        ])
    }

    /// - Throws: ``ProblemKind/parameter`` for more images than can be drawn within the time limit, by the measured cost; those of a
    ///   stream have that time from block to block.
    private func checkCount(_ ask: Ask) throws(Problem) {
        let limit = context.options.requestTimeout
        guard !ask.terms.isStream,
            let most = context.service.mostRows(
                SamplingWork.self, like: SampleRow(seed: 0, index: 0), by: ask.model, within: limit),
            ask.count > max(1, most)
        else { return }
        throw Problem(
            .parameter,
            "count: \(ask.count) images would take longer than the time limit of \(limit / .seconds(1)) s by the measured "
                + "cost; at most \(most) fit in, and any number as \(MediaType.ndjson), which is streamed")
    }

    private func fields(_ ask: Ask, timings: RequestTimings?) -> HTTPFields {
        var fields: HTTPFields = [
            .contentType: ask.type.description, .seed: String(ask.seed), .vary: "\(HTTPField.Name.accept)",
            .cacheControl: (ask.tag == nil ? CachePolicy.never : .revalidate).rawValue,
        ]
        if let tag = ask.tag { fields[.eTag] = tag.description }
        if let timings { fields[.serverTiming] = ServerTiming(timings: timings).description }
        return fields
    }

    private func respond(to ask: Ask) async throws -> ServerResponse {
        let blocks = try context.service.sample(ask.rows, model: ask.model, terms: ask.terms)
        if ask.type == .ndjson { return try await stream(blocks, ask) }
        var images: [DrawnImage] = []
        var timings = RequestTimings()
        for try await block in blocks {
            images += try block.results.map(image)
            timings = block.timings
        }
        // A cancelled task sees the stream end early.
        guard images.count == ask.count else { throw ServingError.cancelled }
        let drawn = images
        let body = try await context.heavy(bytes: drawn.count * ask.model.record.eventShape.dims) {
            try encode(drawn, ask)
        }
        return ServerResponse(status: .ok, fields: fields(ask, timings: timings), body: .bytes(body))
    }

    private func encode(_ images: [DrawnImage], _ ask: Ask) throws -> [UInt8] {
        let record = ask.model.record
        switch ask.type {
        case .png: return try DrawnImages(images, record).sheet()
        case .npy: return DrawnImages(images, record).npy
        default:
            let drawn = DrawnImages(images, record)
            let samples = try images.indices.map {
                JSON.object([.init("index", .integer($0))] + (try drawn.members($0)))
            }
            let answer: JSON = [
                "model": .string(record.name), "seed": .unsigned(ask.seed),
                "temperature": .number(ask.temperature), "samples": .array(samples),
            ]
            return answer.encoded
        }
    }

    /// Answer with a line for each sample, as its block is ready.
    private func stream(
        _ blocks: AsyncThrowingStream<SampleBlock, any Error>, _ ask: Ask
    ) async throws -> ServerResponse {
        // What fails before the first block still gets a status of its own.
        var iterator = blocks.makeAsyncIterator()
        guard let first = try await iterator.next() else { throw ServingError.cancelled }
        let (lines, continuation) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
        let task = Task {
            do {
                continuation.yield(try await self.lines(first, ask))
                for try await block in blocks { continuation.yield(try await self.lines(block, ask)) }
                continuation.finish()
            } catch {
                context.options.report("a stream of samples is cut off: \(error)")
                continuation.finish(throwing: error)
            }
        }
        continuation.onTermination = { _ in task.cancel() }
        return ServerResponse(status: .ok, fields: fields(ask, timings: first.timings), body: .stream(lines))
    }

    private func lines(_ block: SampleBlock, _ ask: Ask) async throws -> [UInt8] {
        let record = ask.model.record
        return try await context.heavy(bytes: block.results.count * record.eventShape.dims) {
            var text: [UInt8] = []
            let drawn = DrawnImages(try block.results.map(image), record)
            for offset in block.results.indices {
                var line: [JSON.Member] = [.init("model", .string(record.name)), .init("seed", .unsigned(ask.seed))]
                line.append(.init("index", .integer(block.first + offset)))
                line += try drawn.members(offset)
                text += JSON.object(line).encoded + [0x0A]
            }
            return text
        }
    }

    private func image(_ result: Result<DrawnImage, RowFailure>) throws -> DrawnImage {
        switch result {
        case .success(let image): return image
        case .failure(let failure):
            context.options.report("a sample failed: \(failure)")
            throw Problem(.internal, "a sample could not be drawn")
        }
    }
}
