import DensityAPI
import FlowModels
import HTTPTypes
import HTTPWire
import Metrics
import Serving
import TestSupport
import Testing

@Suite("GET /metrics", .timeLimit(.minutes(15)))
struct MetricsRouteTests {
    private func lines(_ api: TestAPI, accept: String? = nil) async throws -> [String] {
        var fields: HTTPFields = [:]
        if let accept { fields[.accept] = accept }
        return try await api.request(.get, "/metrics", fields: fields).text.split(separator: "\n").map(String.init)
    }

    @Test("its type is the one that the scraper asks for, and whole")
    func types() async throws {
        let api = try await TestAPI()
        // what Prometheus 2.42 and 3 send, curl, and a browser
        let openMetrics = MetricText.openMetrics.contentType
        let prometheus = MetricText.prometheus.contentType
        for (accept, type) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", openMetrics
            ),
            ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", prometheus), ("*/*", prometheus),
            ("text/html,application/xhtml+xml,*/*;q=0.8", prometheus),
        ] {
            let answer = try await api.request(.get, "/metrics", fields: [.accept: accept])
            #expect(answer.status == 200)
            #expect(answer.fields[.contentType] == type)
        }
        _ = try await api.request(.get, "/metrics", fields: [.accept: "image/png"]).problem(406, "not-acceptable")
        _ = try await api.get("/metrics?x=1").problem(422, "parameter")
    }

    @Test("every name once, and no series twice", arguments: ["*/*", "application/openmetrics-text"])
    func unique(_ accept: String) async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        for path in ["/health", "/none", "/sample?count=2", "/models/%22%5c"] { _ = try await api.get(path) }
        _ = try await api.postJSON("/logprob", #"{"image":[1,1,1,1,1,1]}"#)
        let lines = try await lines(api, accept: accept)
        let types = lines.filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(types).count == types.count)
        let series = lines.filter { !$0.hasPrefix("#") }.map { $0[..<($0.lastIndex(of: " ") ?? $0.endIndex)] }
        #expect(series.count > 80)
        #expect(Set(series).count == series.count)
        // Nothing of what a client wrote is in a label.
        let hasText = lines.contains { $0.contains("%22") || $0.contains("route=\"/none") || $0.contains(#"\""#) }
        #expect(!hasText)
    }

    @Test("counts what was asked: rows, batches, times, scores, verdicts, routes")
    func counts() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        let before = try await lines(api)
        let hasTested = before.contains(#"tusk_batches_total{lane="parallel",closed_by="empty"} 1"#)
        #expect(hasTested)
        _ = try await api.postJSON("/logprob", "[[1,1,1,1,1,1],[2,2,2,2,2,2]]")
        _ = try await api.get("/sample?count=3")
        _ = try await api.postJSON("/logprob", "[]")
        let lines = try await lines(api)
        for line in [
            #"tusk_rows_total{work="density",model="fake"} 3"#, #"tusk_rows_total{work="sampling",model="fake"} 3"#,
            #"tusk_failed_rows_total{work="density",model="fake"} 0"#,
            #"tusk_queue_wait_seconds_count{lane="parallel",model="fake"} 2"#,
            #"tusk_score_p_values_count{model="fake"} 2"#, #"tusk_queued_requests 0"#,
            #"tusk_running_requests 0"#, #"tusk_queued_rows{lane="parallel"} 0"#,
            #"tusk_http_problems_total{kind="image-count"} 1"#, #"tusk_drift_images{model="fake"} 2"#,
        ] {
            let isThere = lines.contains(line)
            #expect(isThere, "\(line)")
        }
        let hasVerdict = lines.contains { $0.hasPrefix(#"tusk_verdicts_total{model="fake",verdict="#) }
        #expect(hasVerdict)
    }

    @Test("counts requests that are over by route, status and ending; a path that is no route has none of its own")
    func requests() async throws {
        let api = try await TestAPI()
        func end(_ route: String?, _ status: HTTPResponse.Status?, _ ending: EndedExchange.Ending) {
            var exchange = EndedExchange(version: .http11)
            exchange.labels.route = route
            exchange.status = status
            exchange.ending = ending
            exchange.handling = .milliseconds(30)
            api.api.exchangeEnded(exchange, on: .test)
        }
        end("/logprob", .ok, .complete)
        end("/logprob", .ok, .complete)
        end("/logprob", .tooManyRequests, .complete)
        end(nil, .notFound, .refused)
        end("/sample", nil, .clientGone)
        let lines = try await lines(api)
        for line in [
            #"tusk_http_requests_total{route="/logprob",status="200"} 2"#,
            #"tusk_http_requests_total{route="/logprob",status="429"} 1"#,
            #"tusk_http_requests_total{route="none",status="404"} 1"#,
            #"tusk_http_requests_total{route="/sample",status="0"} 1"#,
            #"tusk_http_endings_total{ending="complete"} 3"#, #"tusk_http_endings_total{ending="client-gone"} 1"#,
            #"tusk_http_request_seconds_bucket{route="/logprob",le="0.025"} 0"#,
            #"tusk_http_request_seconds_bucket{route="/logprob",le="0.05"} 3"#,
        ] {
            let isThere = lines.contains(line)
            #expect(isThere, "\(line)")
        }
    }

    @Test("answers while both lanes are held up, and says what waits and what runs")
    func underLoad() async throws {
        let model = FakeDensity()
        let api = try await TestAPI(model)
        _ = try await api.holding(model) {
            let answer = try await api.get("/metrics")
            let lines = answer.text.split(separator: "\n").map(String.init)
            let (requests, rows) = (
                lines.contains("tusk_running_requests 1"), lines.contains(#"tusk_running_rows{lane="parallel"} 1"#)
            )
            #expect(requests && rows)
            return answer
        }
    }

    @Test("a listener for monitoring has metrics and health for everyone, and no other route")
    func monitoring() async throws {
        let keys = try TestKeys([.metrics])
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        func status(_ method: HTTPRequest.Method, _ path: String) async -> Int {
            let head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path)
            return await api.api.monitoring.response(to: head).status.code
        }
        #expect(try await api.get("/metrics").status == 401)
        let own = Set(monitoringRoutes.map { $0.path })
        #expect(own == ["/metrics", "/health", "/health/live", "/health/ready"])
        for path in own {
            #expect(await status(.get, path) == 200)
            #expect(await status(.head, path) == 200)
            #expect(await status(.post, path) == 405)
        }
        for route in routes where !own.contains(route.path) {
            let path = route.path.replacing("{model}", with: "fake")
            #expect(await status(route.method, path) == 404, "\(path)")
        }
        // They are counted with the others.
        let before = api.metrics("http_problems") ?? 0
        _ = await status(.get, "/sample")
        #expect(api.metrics("http_problems") == before + 1)
    }

    @Test("series of scores begin with the first count, and each image counts once")
    func scores() async throws {
        let api = try await TestAPI(FakeDensity(decision: .test()))
        func series(_ name: String) async throws -> [String] {
            try await lines(api).filter { $0.hasPrefix("tusk_\(name)") }
        }
        for name in ["verdicts_total{", "score_p_values_count{", "score_percentiles_count{", "scores_without_density"] {
            let begun = try await series(name)
            #expect(begun.isEmpty, "\(begun)")
        }
        let images = "[[1,1,1,1,1,1],[9,9,9,9,9,9],[1,1,1,1,1,1]]"
        _ = try await api.postJSON("/logprob", images)
        _ = try await api.postJSON("/logprob", images)
        let verdicts = try await series("verdicts_total{").compactMap {
            $0.split(separator: " ").last.flatMap { Int($0) }
        }
        #expect(verdicts.reduce(0, +) == 6 && verdicts.allSatisfy { $0 > 0 })
        #expect(try await series("score_p_values_count{") == [#"tusk_score_p_values_count{model="fake"} 6"#])
    }
}
