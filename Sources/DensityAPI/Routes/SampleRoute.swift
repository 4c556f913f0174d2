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
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What a request asks for.
    private struct Ask: Sendable {
        var draws: SamplingRequest
        var type: MediaType
        /// Tag of the answer; nil when the seed was not given, since nobody can ask for the same again.
        var tag: EntityTag?
    }

    func begin(_ request: RoutedRequest) throws -> RouteWork {
        let query = try Query(request.query, known: SamplingRequest.parameters + ["model"])
        let type = try Accept(request.fields).best(of: [.json, .png, .npy, .ndjson])
        var draws = try SamplingRequest(
            query, model: context.service.models.model(named: request.modelName(query)),
            terms: RequestTerms(request, options: context.options), rates: request.rates, context)
        draws.terms.isStream = type == .ndjson
        var asked = Ask(draws: draws, type: type)
        if draws.isSeedGiven { asked.tag = tag(of: asked) }
        let ask = asked
        // A client that has these very images is told so before they are drawn.
        if request.method == .head || ask.tag?.isNamed(in: request.fields) == true {
            // Nothing is drawn, so the length is not known: a stream says so, where no body would say 0.
            let nothing = AsyncThrowingStream<[UInt8], any Error> { $0.finish() }
            return .done(ServerResponse(status: .ok, fields: fields(ask, timings: nil), body: .stream(nothing)))
        }
        if !draws.terms.isStream {
            try draws.checkTime(context, ", and any number as \(MediaType.ndjson), which is streamed")
        }
        return .later { try await respond(to: ask) }
    }

    /// Tag of all that the images follow from; a model is known by its name, the log-density of its check vector, which
    /// the file holds, and the precision that it was loaded in. Weak, because another kind of CPU may change the last digits.
    private func tag(of ask: Ask) -> EntityTag {
        let record = ask.draws.model.record
        return EntityTag(following: [
            context.options.version, ask.draws.model.name, String(record.check.logProb.bitPattern),
            "\(ask.draws.model.precision)",
            String(ask.draws.count), String(ask.draws.seed), String(ask.draws.temperature.bitPattern),
            ask.draws.classIndex.map(String.init) ?? "",
            ask.type.description,
        ])
    }

    private func fields(_ ask: Ask, timings: RequestTimings?) -> HTTPFields {
        var fields: HTTPFields = [
            .contentType: ask.type.description, .seed: String(ask.draws.seed), .vary: "\(HTTPField.Name.accept)",
            .cacheControl: (ask.tag == nil ? CachePolicy.never : .revalidate).rawValue,
        ]
        if let tag = ask.tag { fields[.eTag] = tag.description }
        if let timings { fields[.serverTiming] = ServerTiming(timings: timings).description }
        return fields
    }

    private func respond(to ask: Ask) async throws -> ServerResponse {
        if ask.type == .ndjson {
            return try await stream(try await ask.draws.blocks(context), ask)
        }
        let (drawn, timings) = try await ask.draws.drawn(context)
        let body = try await context.heavy(bytes: drawn.count * ask.draws.model.record.eventShape.dims) {
            try encode(drawn, ask)
        }
        return ServerResponse(status: .ok, fields: fields(ask, timings: timings), body: .bytes(body))
    }

    private func encode(_ images: [DrawnImage], _ ask: Ask) throws -> [UInt8] {
        let record = ask.draws.model.record
        switch ask.type {
        case .png: return try DrawnImages(images, record).sheet()
        case .npy: return DrawnImages(images, record).npy
        default:
            let drawn = DrawnImages(images, record)
            let samples = try images.indices.map {
                JSON.object([.init("index", .integer($0))] + (try drawn.members($0)))
            }
            let answer: JSON = [
                "model": .string(ask.draws.model.name), "seed": .unsigned(ask.draws.seed),
                "temperature": .number(ask.draws.temperature), "samples": .array(samples),
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
                // A client that goes away in the middle is nobody's failure.
                if !error.isClientGone { context.options.report("a stream of samples is cut off: \(error)") }
                continuation.finish(throwing: error)
            }
        }
        continuation.onTermination = { _ in task.cancel() }
        return ServerResponse(status: .ok, fields: fields(ask, timings: first.timings), body: .stream(lines))
    }

    private func lines(_ block: SampleBlock, _ ask: Ask) async throws -> [UInt8] {
        let record = ask.draws.model.record
        // here, where what is reported is known to be of the request
        let images = try block.results.map(context.image)
        return try await context.heavy(bytes: block.results.count * record.eventShape.dims) {
            var text: [UInt8] = []
            let drawn = DrawnImages(images, record)
            for offset in block.results.indices {
                var line: [JSON.Member] = [
                    .init("model", .string(ask.draws.model.name)), .init("seed", .unsigned(ask.draws.seed)),
                ]
                line.append(.init("index", .integer(block.first + offset)))
                line += try drawn.members(offset)
                text += JSON.object(line).encoded + [0x0A]
            }
            return text
        }
    }
}
