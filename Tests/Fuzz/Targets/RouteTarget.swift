import Compression
import DensityAPI
import HTTPTypes
import HTTPWire
import Serving

/// A service without a model: routes, parameters and fields are looked at before one is asked for.
private let api = DensityAPI(
    service: DensityService(configuration: ServiceConfiguration()), openAPI: Array("openapi: 3.1.0\n".utf8),
    page: [PageFile(path: "index.html") { Array("<!doctype html>".utf8) }],
    options: APIOptions(version: "0") { preconditionFailure("an internal error: \($0)") },
    // Nobody has the key to these.
    administration: Administration(
        reload: { preconditionFailure("reload without a key") },
        logLevel: { preconditionFailure("status without a key") },
        setLogLevel: { _ in preconditionFailure("a log level without a key") }))

/// A request's way to its answer by the head alone. The answer says nothing that a client could have smuggled into its
/// head, and its body is JSON that says the same status.
@Sendable func fuzzRoute(_ bytes: [UInt8]) throws {
    var parser = RequestParser(limits: HTTPLimits())
    parser.receive(bytes.span)
    let info = ConnectionInfo(peer: "127.0.0.1")
    let response: ServerResponse
    do throws(HTTPServerError) {
        guard case .head? = try parser.next() else { return }
        guard case .respond(let answer) = api.decide(parser.makeRequest(), on: info) else { return }
        response = answer
    } catch {
        response = api.respond(to: error, head: nil, labels: ExchangeLabels(), on: info)
    }
    let framing = ResponseEncoder.framing(of: response, version: .http11)
    var output = OutputBuffer()
    ResponseEncoder.encodeHead(
        response.status, response.fields, framing: framing, version: .http11, keepAlive: true,
        date: Array("now".utf8), into: &output)
    let head = output.withNext { span, _ in copy(span) }
    // A line for the status, Date, each field and, if there is content, its length; and the empty one.
    let lines = response.fields.count + (framing == .none ? 3 : 4)
    try require(
        head.count { $0 == 0x0A } == lines && head.count { $0 == 0x0D } == lines,
        "a field of the answer has more than its line")
    try require(head.allSatisfy { $0 >= 0x20 || [0x0D, 0x0A].contains($0) }, "a control character in a field")
    guard case .bytes(let body) = response.body else { return }
    let coding = response.fields[.contentEncoding].map { Coding(rawValue: $0) }
    try require(coding != .some(nil), "an unknown content coding")
    let plain = try coding.flatMap { $0 }.map {
        try inflate(body, coding: $0 == .gzip ? .gzip : .deflate, limit: 1 << 16)
    }
    if response.fields[.contentType]?.hasSuffix("json") == true {
        try checkAnswer(plain ?? body, status: response.status.code)
    }
}
