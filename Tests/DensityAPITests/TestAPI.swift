import DensityAPI
import FlowModels
import FoundationEssentials
import HTTPTypes
import HTTPWire
import Logging
import Imaging
import Metrics
import Serving
import TestSupport
import Testing

/// The API over a fake model, called as the server calls it.
struct TestAPI {
    let model: FakeDensity
    let service: DensityService
    let api: DensityAPI
    let decoding: DecodingLane
    let reports = Reports()
    let admin = FakeAdministration()
    private let metricSet: MetricSet

    final class Reports: Sendable {
        private let list = Locked<[String]>([])
        var all: [String] { list.value }
        func add(_ text: String) { list.change { $0.append(text) } }
    }

    /// Ready, unless `isLoading`.
    init(
        _ model: FakeDensity = FakeDensity(), more: [FakeDensity] = [], isLoading: Bool = false,
        openAPI: String = "openapi: 3.1.0\n", page: [PageFile] = TestAPI.page,
        decoding: DecodingPolicy = .oneThread,
        configure: (inout ServiceConfiguration) -> Void = { _ in },
        options change: (inout APIOptions) throws -> Void = { _ in }
    ) async throws {
        self.model = model
        var configuration = ServiceConfiguration()
        configuration.threads = 1
        configure(&configuration)
        let metrics = MetricSet()
        metricSet = metrics
        for (name, value) in [("connections", 3), ("max_connections", 7), ("requests", 2)] {
            metrics.declare(name, "Counted by a server.", .gauge) { value }
        }
        service = DensityService(configuration: configuration, metrics: metrics)
        if !isLoading { try await service.load([model] + more) }
        var options = APIOptions(version: "1.2.3") { [reports] in reports.add($0) }
        let dropped = metrics.counter("dropped_log_lines", "Counted by a log.")
        dropped.add(5)
        options.metrics = metrics
        try change(&options)
        self.decoding = DecodingLane(policy: decoding, metrics: metrics)
        api = DensityAPI(
            service: service, openAPI: Array(openAPI.utf8), page: page, options: options,
            administration: admin.administration, helpers: HelperPool(threads: 1),
            decoding: self.decoding)
    }

    /// A small page.
    static let page = [
        "index.html": "<!doctype html>", "main.js": "export {}", "docs/docs.html": "<!doctype html><p>",
        "score/score.js": String(repeating: "export {};\n", count: 200),
    ].map { path, content in PageFile(path: path) { Array(content.utf8) } }

    /// Value of a metric of the service.
    func metrics(_ name: String) -> Int? { metricSet[name] }

    func request(
        _ method: HTTPRequest.Method, _ path: String, fields: HTTPFields = [:], body: [UInt8] = [],
        host: String? = "test", on connection: ConnectionInfo = .test
    ) async throws -> Answer {
        var fields = fields
        if method == .post { fields[.contentLength] = String(body.count) }
        let head = HTTPRequest(method: method, scheme: "http", authority: host, path: path, headerFields: fields)
        return try await Answer(await api.response(to: head, body: body, on: connection))
    }

    /// The answer to what `body` asks while a batch of `model` runs that does not end.
    func holding(_ model: FakeDensity, _ body: () async throws -> Answer) async throws -> Answer {
        let calls = model.densityCalls.count
        model.hold()
        async let held = postJSON("/logprob", #"{"image":[1,1,1,1,1,1]}"#)
        await eventually { model.densityCalls.count > calls }
        let answer = try await body()
        model.release()
        #expect(try await held.status == 200)
        return answer
    }

    func get(_ path: String, accept: String? = nil) async throws -> Answer {
        try await request(.get, path, fields: accept.map { [.accept: $0] } ?? [:])
    }

    func post(_ path: String, type: String?, _ body: [UInt8]) async throws -> Answer {
        try await request(.post, path, fields: type.map { [.contentType: $0] } ?? [:], body: body)
    }

    func postJSON(_ path: String, _ body: String) async throws -> Answer {
        try await post(path, type: "application/json", Array(body.utf8))
    }
}

extension DensityAPI {
    /// The answer to a request, called for as the server does.
    func response(
        to head: HTTPRequest, body: [UInt8] = [], on connection: ConnectionInfo = .test
    ) async -> ServerResponse {
        await response(to: decide(head, on: connection), head, body: body, on: connection)
    }

    /// The answer that comes of a decision on `head`.
    func response(
        to decision: HeadDecision, _ head: HTTPRequest, body: [UInt8] = [], on connection: ConnectionInfo = .test
    ) async -> ServerResponse {
        switch decision {
        case .respond(let response): return response
        case .later(_, let work): return await work()
        case .readBody(let limit, _, let labels, let then):
            guard body.count <= limit else {
                return respond(to: .bodyTooLarge(limit: limit), head: head, labels: labels, on: connection)
            }
            return await then(body)
        case .streamBody(_, let then):
            return await then(StreamedBody(body.isEmpty ? [] : [body]))
        }
    }
}

extension StreamedBody {
    /// A body that comes in these parts, of memory that never runs out.
    init(_ parts: [[UInt8]], ending: HTTPServerError? = nil) {
        let (stream, continuation) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
        for part in parts { continuation.yield(part) }
        continuation.finish(throwing: ending)
        self.init(parts: BodyParts(stream)) { _ in }
    }
}

/// What admin routes reach in place of a program.
final class FakeAdministration: Sendable {
    let reloads = Locked<[Administration.Reload]>([Administration.Reload(name: "keys")])
    let level = Locked(Logger.Level.info)
    let modelStates = Locked<[ModelState]>([])
    /// What loading and unloading throw.
    let modelError = Locked<(any Error)?>(nil)

    var administration: Administration {
        Administration(
            reload: { self.reloads.value },
            logLevel: { self.level.value },
            setLogLevel: { level in self.level.change { $0 = level } },
            models: Administration.Models(
                states: { self.modelStates.value }, load: { try self.model($0) }, unload: { _ = try self.model($0) }))
    }

    private func model(_ name: String) throws -> ModelState {
        if let error = modelError.value { throw error }
        guard name == "fake" else { throw ModelExchangeError.unknown(name) }
        return ModelState(
            name: name, file: "fake.safetensors", phase: .serving, isDefault: true, loaded: 0, memory: 492, leaving: 0)
    }
}

/// An answer, read whole.
struct Answer {
    var status: Int
    var fields: HTTPFields
    var body: [UInt8]
    /// Pieces in which the body came.
    var pieces: Int

    init(_ response: ServerResponse) async throws {
        status = response.status.code
        fields = response.fields
        switch response.body {
        case .none: (body, pieces) = ([], 0)
        case .bytes(let bytes): (body, pieces) = (bytes, 1)
        case .stream(let stream):
            (body, pieces) = ([], 0)
            for try await piece in stream {
                body += piece
                pieces += 1
            }
        }
    }

    func decoded<Value: Decodable>(as _: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(body))
    }

    var type: String? { fields[.contentType] }
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// `/logprob`'s answer for one image, or an item of its list.
struct DensityJSON: Decodable, Equatable {
    var model: String?
    var index: Int?
    var file: String?
    var logProb: Double?
    var bitsPerDim: Double?
    var percentile: Double?
    var samples: Int?
    var standardError: Double?
    var classPosterior: [String: Double]?
    var className: String?
    var type: String?
    var error: String?

    enum CodingKeys: String, CodingKey {
        case model
        case index
        case file
        case logProb = "log_prob"
        case bitsPerDim = "bits_per_dim"
        case percentile
        case samples
        case standardError = "standard_error"
        case classPosterior = "class_posterior"
        case className = "class"
        case type
        case error
    }
}

struct DensityListJSON: Decodable {
    var model: String
    var failed: Int
    var results: [DensityJSON]
}

struct ProblemJSON: Decodable {
    var type: String
    var title: String
    var status: Int
    var detail: String
    var error: String
    var requestID: String?

    enum CodingKeys: String, CodingKey {
        case type
        case title
        case status
        case detail
        case error
        case requestID = "request_id"
    }
}

struct SamplesJSON: Decodable {
    var model: String
    var seed: UInt64
    var temperature: Double
    var samples: [SampleJSON]
}

struct SampleJSON: Decodable {
    var index: Int
    var image: String
    var logProb: Double
    var bitsPerDim: Double

    enum CodingKeys: String, CodingKey {
        case index
        case image
        case logProb = "log_prob"
        case bitsPerDim = "bits_per_dim"
    }

    func decodedImage() throws -> Image {
        try decodeImage(Array(try #require(Data(base64Encoded: image))))
    }
}

extension Answer {
    /// Checks that this is a problem of `kind`, and gives its detail.
    func problem(_ status: Int, _ kind: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        #expect(self.status == status, sourceLocation: sourceLocation)
        #expect(type == "application/problem+json", sourceLocation: sourceLocation)
        let problem = try decoded(as: ProblemJSON.self)
        #expect(problem.type == "urn:tusk:problem:\(kind)", sourceLocation: sourceLocation)
        #expect(problem.status == status, sourceLocation: sourceLocation)
        #expect(problem.detail == problem.error, sourceLocation: sourceLocation)
        #expect(!problem.title.isEmpty, sourceLocation: sourceLocation)
        #expect(problem.requestID == fields[.requestID], sourceLocation: sourceLocation)
        return problem.detail
    }
}

/// A gray image of the fake model's size, every level `level`.
func gray(_ level: UInt8, width: Int = 3, height: Int = 2) -> Image {
    Image(width: width, height: height, mode: .gray, pixels: Array(repeating: level, count: width * height))
}

func png(_ image: Image) throws -> [UInt8] { try encodePNG(image) }

func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

/// 8 x 8 pixels of gray 128, written by libjpeg-turbo through Pillow.
let jpegOfGray =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
    + "FRUVDA8XGBYUGBIUFRT/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAI"
    + "AQEAAD8AP//Z"

extension ConnectionInfo {
    /// Of a client on the same machine.
    static let test = ConnectionInfo(peer: "127.0.0.1")
    static let unixSocket = ConnectionInfo(peer: "", isUnixSocket: true)
}

extension DecodingPolicy {
    static var oneThread: DecodingPolicy {
        var policy = DecodingPolicy()
        policy.threads = 1
        return policy
    }
}
