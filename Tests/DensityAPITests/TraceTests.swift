@testable import DensityAPI
import HTTPTypes
import HTTPWire
import Logging
import TestSupport
import Testing

@Suite("Traces", .timeLimit(.minutes(15)))
struct TraceTests {
    private static let traceID = "0af7651916cd43dd8448eb211c80319c"
    private static let traced: HTTPFields = [.traceParent: "00-\(traceID)-b7ad6b7169203331-01"]

    /// The span that an answer names.
    private func span(of answer: Answer) throws -> Substring? {
        let timing = try #require(answer.fields[HTTPField.Name("Server-Timing")!])
        #expect(answer.fields[values: HTTPField.Name("Server-Timing")!].count == 1)
        #expect(timing.hasPrefix("queue;dur="))
        let found = timing.firstMatch(of: /, traceparent;desc="00-0af7651916cd43dd8448eb211c80319c-([0-9a-f]{16})-01"$/)
        return found?.1
    }

    @Test("are handed on: the answer names the request's span, whatever becomes of it")
    func answers() async throws {
        let api = try await TestAPI()
        var spans: Set<Substring> = []
        for (path, status) in [("/health", 200), ("/sample?count=2", 200), ("/sample?count=0", 422), ("/none", 404)] {
            let answer = try await api.request(.get, path, fields: Self.traced)
            #expect(answer.status == status)
            spans.insert(try #require(try span(of: answer), "\(path)"))
            #expect(try span(of: try await api.get(path)) == nil)
        }
        var fields = Self.traced
        fields[.contentType] = "application/octet-stream"
        let scored = try await api.request(.post, "/logprob", fields: fields, body: [1, 1, 1, 1, 1, 1])
        #expect(scored.status == 200)
        spans.insert(try #require(try span(of: scored)))
        #expect(spans.count == 5 && !spans.contains("b7ad6b7169203331"))
    }

    @Test("are of a refusal of the server too")
    func refusals() async throws {
        let api = try await TestAPI().api
        let span = RequestSpan(
            traceID: Self.traceID, parentID: "b7ad6b7169203331", spanID: "00f067aa0ba902b7", isSampled: true)
        let head = HTTPRequest(method: .post, scheme: "http", authority: "test", path: "/logprob")
        let answer = try await Answer(
            api.respond(
                to: .bodyTooLarge(limit: 6), head: head, labels: ExchangeLabels(requestID: "r-1", span: span), on: .test
            ))
        #expect(try self.span(of: answer) == "00f067aa0ba902b7")
        #expect(try answer.decoded(as: ProblemJSON.self).requestID == "r-1")
    }

    /// What is reported while requests are answered, with what the log would add to it.
    private func reports(
        _ model: FakeDensity, _ body: (TestAPI) async throws -> Void
    ) async throws -> [(text: String, metadata: Logger.Metadata)] {
        let lines = Locked<[(text: String, metadata: Logger.Metadata)]>([])
        let api = try await TestAPI(
            model,
            options: { options in
                options.report = { text in lines.change { $0.append((text, Logger.MetadataProvider.request.get())) } }
            })
        try await body(api)
        return lines.value
    }

    @Test(
        "and identifiers of requests stand beside what is reported of these", arguments: ["", "application/x-ndjson"])
    func reported(_ accept: String) async throws {
        let lines = try await reports(FakeDensity(failsSampling: true)) { api in
            var fields = Self.traced
            fields[.requestID] = "mine-7"
            if !accept.isEmpty { fields[.accept] = accept }
            let answer = try? await api.request(.get, "/sample", fields: fields)
            #expect(answer == nil || answer?.status == 500)
            let problem: ProblemJSON? = try answer?.decoded()
            #expect(problem == nil || problem?.requestID == "mine-7")
        }
        #expect(!lines.isEmpty)
        for (text, metadata) in lines {
            #expect(metadata["request_id"] == "mine-7" && metadata["trace_id"] == "\(Self.traceID)", "\(text)")
            #expect(metadata["parent_span_id"] == "b7ad6b7169203331" && metadata["trace_flags"] == "01")
            #expect("\(metadata["span_id"] ?? "")".count == 16)
        }
    }

    @Test("of a request without one is not begun: what is reported has its identifier alone")
    func untraced() async throws {
        let lines = try await reports(FakeDensity(failsSampling: true)) { api in
            let status = try await api.get("/sample").status
            #expect(status == 500)
        }
        #expect(!lines.isEmpty && lines.allSatisfy { Array($0.metadata.keys) == ["request_id"] })
        #expect(Logger.MetadataProvider.request.get().isEmpty)
    }

    @Test("have spans whose identifiers all differ")
    func identifiers() {
        let spans = (0..<1000).map { _ in RequestID.span() }
        #expect(Set(spans).count == 1000 && spans.allSatisfy { $0.utf8.count == 16 })
    }
}
