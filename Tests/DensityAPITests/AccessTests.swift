@testable import DensityAPI
import HTTPTypes
import HTTPWire
import Logging
import TestSupport
import Testing

@Suite("Access", .timeLimit(.minutes(15)))
struct AccessTests {
    /// A request of each route that would be answered with 200.
    static let requests: [(route: any Route.Type, path: String, fields: HTTPFields, body: [UInt8])] = [
        (LogProbRoute.self, "/logprob", [.contentType: "application/octet-stream"], [1, 1, 1, 1, 1, 1]),
        (TypicalityRoute.self, "/typicality", [.contentType: "application/octet-stream"], [1, 1, 1, 1, 1, 1]),
        (SampleRoute.self, "/sample", [:], []),
        (EncodeRoute.self, "/encode", [.contentType: "application/octet-stream"], [1, 1, 1, 1, 1, 1]),
        (
            DecodeRoute.self, "/decode", [.contentType: "application/json"],
            Array(#"{"latent":[1,1,1,1,1,1]}"#.utf8)
        ),
        (
            InterpolateRoute.self, "/interpolate", [.contentType: "application/octet-stream"],
            Array(repeating: 1, count: 12)
        ),
        (
            CompleteRoute.self, "/complete", [.contentType: "application/json"],
            Array(#"{"image":[1,1,1,1,1,1],"mask":[0,0,0,1,1,1]}"#.utf8)
        ),
        (HealthRoute.self, "/health", [:], []),
        (LiveRoute.self, "/health/live", [:], []),
        (ReadyRoute.self, "/health/ready", [:], []),
        (ModelsRoute.self, "/models", [:], []),
        (ModelRoute.self, "/models/fake", [:], []),
        (
            ModelLogProbRoute.self, "/models/fake/logprob", [.contentType: "application/octet-stream"],
            [1, 1, 1, 1, 1, 1]
        ),
        (ModelSampleRoute.self, "/models/fake/sample", [:], []),
        (DriftRoute.self, "/drift", [:], []),
        (MetricsRoute.self, "/metrics", [:], []),
        (OpenAPIRoute.self, "/openapi.yaml", [:], []),
        (OpenAPIJSONRoute.self, "/openapi.json", [:], []),
        (PageRoute.self, "/", [:], []),
        (AdminStatusRoute.self, "/admin/status", [:], []),
        (AdminModelsRoute.self, "/admin/models", [:], []),
        (LoadModelRoute.self, "/admin/models/fake/load", [:], []),
        (UnloadModelRoute.self, "/admin/models/fake/unload", [:], []),
        (ReloadRoute.self, "/admin/reload", [:], []),
        (LogLevelRoute.self, "/admin/log-level?level=debug", [:], []),
        (DriftResetRoute.self, "/admin/drift/reset", [:], []),
        (InferenceServerRoute.self, "/v2", [:], []),
        (InferenceLiveRoute.self, "/v2/health/live", [:], []),
        (InferenceReadyRoute.self, "/v2/health/ready", [:], []),
        (InferenceModelRoute.self, "/v2/models/fake", [:], []),
        (InferenceModelReadyRoute.self, "/v2/models/fake/ready", [:], []),
        (InferenceConfigurationRoute.self, "/v2/models/fake/config", [:], []),
        (AllInferenceStatisticsRoute.self, "/v2/models/stats", [:], []),
        (InferenceStatisticsRoute.self, "/v2/models/fake/stats", [:], []),
        (RepositoryIndexRoute.self, "/v2/repository/index", [:], []),
        (RepositoryLoadRoute.self, "/v2/repository/models/fake/load", [:], []),
        (RepositoryUnloadRoute.self, "/v2/repository/models/fake/unload", [:], []),
        (InferRoute.self, "/v2/models/fake/infer", [.inferenceLength: "0"], [1, 1, 1, 1, 1, 1]),
    ]

    /// A model of which every route has something to say.
    static var decided: FakeDensity { FakeDensity(decision: .test()) }

    private func statuses(
        _ api: TestAPI, _ fields: HTTPFields = [:], on connection: ConnectionInfo = .test
    ) async throws -> [String: Int] {
        var statuses: [String: Int] = [:]
        for request in Self.requests {
            let answer = try await api.request(
                request.route.method, request.path, fields: HTTPFields(request.fields + fields), body: request.body,
                on: connection)
            statuses[request.route.path] = answer.status
        }
        return statuses
    }

    private let open: Set = [
        "/", "/health", "/health/live", "/health/ready", "/openapi.json", "/openapi.yaml", "/v2", "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{model}/ready",
    ]

    private func isAdministration(_ path: String) -> Bool {
        path.hasPrefix("/admin/") || path.hasPrefix("/v2/repository/models/")
    }

    @Test("every route of the table has a request here")
    func complete() {
        #expect(Self.requests.map { $0.route.path } == routes.map { $0.path })
    }

    @Test("without a key file, all but administration is open")
    func withoutKeys() async throws {
        for (path, status) in try await statuses(TestAPI(Self.decided)) {
            #expect(status == (isAdministration(path) ? 403 : 200), "\(path)")
        }
        let detail = try await TestAPI().get("/admin/status").problem(403, "forbidden")
        #expect(detail == "administration needs a key with the scope admin, and this service has no key file")
    }

    @Test("without a key, only what is for anyone is answered")
    func withoutKey() async throws {
        let keys = try TestKeys([.score])
        for (path, status) in try await statuses(TestAPI(Self.decided, options: { $0.keys = keys.ring })) {
            #expect(status == (open.contains(path) ? 200 : 401), "\(path)")
        }
    }

    @Test("a key opens the routes of its scope, and those of any key", arguments: Scope.allCases)
    func scope(_ scope: Scope) async throws {
        let keys = try TestKeys(Scope.allCases)
        let own: Set<String> =
            switch scope {
            case .score: ["/logprob", "/typicality", "/encode", "/models/{model}/logprob", "/v2/models/{model}/infer"]
            case .sample: ["/sample", "/decode", "/interpolate", "/complete", "/models/{model}/sample"]
            case .admin:
                [
                    "/admin/status", "/admin/models", "/admin/models/{model}/load", "/admin/models/{model}/unload",
                    "/v2/repository/models/{model}/load", "/v2/repository/models/{model}/unload",
                    "/admin/reload", "/admin/log-level", "/admin/drift/reset",
                ]
            case .metrics: ["/drift", "/metrics", "/v2/models/stats", "/v2/models/{model}/stats"]
            }
        let any: Set = [
            "/models", "/models/{model}", "/v2/models/{model}", "/v2/models/{model}/config", "/v2/repository/index",
        ]
        let statuses = try await statuses(TestAPI(Self.decided, options: { $0.keys = keys.ring }), keys.fields(scope))
        for (path, status) in statuses {
            #expect(status == (open.union(own).union(any).contains(path) ? 200 : 403), "\(scope) \(path)")
        }
    }

    private func isForOperators(_ path: String) -> Bool {
        isAdministration(path) || ["/drift", "/metrics", "/v2/models/stats", "/v2/models/{model}/stats"].contains(path)
    }

    @Test("over a Unix socket administration and metrics need no key, but through a proxy, and all else does")
    func unixSocket() async throws {
        let keys = try TestKeys([.score])
        let apis = try await [TestAPI(Self.decided), TestAPI(Self.decided, options: { $0.keys = keys.ring })]
        for api in apis {
            for (path, status) in try await statuses(api, on: .unixSocket) where isForOperators(path) {
                #expect(status == 200, "\(path)")
            }
            for name in ["Forwarded", "X-Forwarded-For", "Via"] {
                let fields: HTTPFields = [HTTPField.Name(name)!: "1.1 proxy"]
                for (path, status) in try await statuses(api, fields, on: .unixSocket) where isAdministration(path) {
                    #expect(status == 403 || status == 401, "\(path)")
                }
            }
        }
        let proxied: HTTPFields = [HTTPField.Name("Via")!: "1.1 proxy"]
        #expect(try await apis[1].request(.get, "/metrics", fields: proxied, on: .unixSocket).status == 401)
        for (path, status) in try await statuses(apis[1], on: .unixSocket) where !isForOperators(path) {
            #expect(status == (open.contains(path) ? 200 : 401), "\(path)")
        }
    }

    @Test("what is asked for is said as RFC 6750 says it")
    func challenges() async throws {
        let keys = try TestKeys([.score])
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        func challenge(_ fields: HTTPFields, _ status: Int) async throws -> String? {
            let answer = try await api.request(.get, "/sample", fields: fields)
            #expect(answer.status == status)
            return answer.fields[.wwwAuthenticate]
        }
        #expect(try await challenge([:], 401) == #"Bearer realm="tusk""#)
        for value in ["Basic YTpi", "Bearer", "", "Bearerx"] {
            #expect(try await challenge([.authorization: value], 401) == #"Bearer realm="tusk""#)
        }
        let invalid = #"Bearer realm="tusk", error="invalid_token""#
        for token in ["x", "x y", KeyToken.random(), String((keys.tokens[.score] ?? "").dropLast())] {
            #expect(try await challenge([.authorization: "Bearer \(token)"], 401) == invalid)
        }
        #expect(
            try await challenge(keys.fields(.score), 403)
                == #"Bearer realm="tusk", error="insufficient_scope", scope="sample""#)
        var twice = keys.fields(.score)
        twice.append(HTTPField(name: .authorization, value: "Bearer x"))
        #expect(try await challenge(twice, 400) == #"Bearer realm="tusk", error="invalid_request""#)
    }

    @Test("the scheme's name has no case, and more spaces do no harm")
    func scheme() async throws {
        let keys = try TestKeys([.sample])
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        for scheme in ["bearer ", "BEARER ", "Bearer   "] {
            let fields: HTTPFields = [.authorization: scheme + (keys.tokens[.sample] ?? "")]
            #expect(try await api.request(.get, "/sample", fields: fields).status == 200)
        }
        // nowhere else
        let query = try await api.get("/sample?access_token=\(keys.tokens[.sample] ?? "")")
        #expect(query.status == 401)
    }

    @Test("a key is taken until the day on which it expires")
    func expiry() async throws {
        let keys = try TestKeys([.sample], expiry: "2026-12-01")
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        // 2026-11-30 23:59:59 and a second later
        keys.now.change { $0 = 1_796_083_199 }
        #expect(try await api.request(.get, "/sample", fields: keys.fields(.sample)).status == 200)
        keys.now.change { $0 = 1_796_083_200 }
        let answer = try await api.request(.get, "/sample", fields: keys.fields(.sample))
        #expect(try answer.problem(401, "unauthorized") == "the key has expired")
    }

    @Test("it is decided on the head, before a body is asked for")
    func beforeBody() async throws {
        let keys = try TestKeys([.sample])
        let api = try await TestAPI(options: { $0.keys = keys.ring }).api
        let head = HTTPRequest(
            method: .post, scheme: "http", authority: "test", path: "/logprob",
            headerFields: [.contentType: "image/png", .contentLength: "1000"])
        guard case .respond(let response) = api.decide(head, on: .test) else {
            Issue.record("the body is wanted")
            return
        }
        #expect(response.status == .unauthorized)
    }

    @Test("exchanged keys count from the next request on")
    func replaced() async throws {
        let (old, new) = try (TestKeys([.sample]), TestKeys([.sample]))
        let api = try await TestAPI(options: { $0.keys = old.ring })
        #expect(try await api.request(.get, "/sample", fields: old.fields(.sample)).status == 200)
        let line = KeyFile.line(
            name: "new", scopes: [.sample], token: try #require(new.tokens[.sample]), expiry: nil)
        old.ring.replace(with: try KeyFile(line))
        #expect(try await api.request(.get, "/sample", fields: old.fields(.sample)).status == 401)
        #expect(try await api.request(.get, "/sample", fields: new.fields(.sample)).status == 200)
    }

    @Test("no answer holds the key")
    func secrecy() async throws {
        let keys = try TestKeys([.score])
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        let unknown = KeyToken.random()
        for token in [keys.tokens[.score] ?? "", unknown, String(unknown.dropLast(4))] {
            for path in ["/sample", "/admin/status", "/models?x=1", "/none"] {
                let answer = try await api.request(.get, path, fields: [.authorization: "Bearer \(token)"])
                #expect(!answer.text.contains(token.dropFirst(5)))
                for field in answer.fields { #expect(!field.value.contains(token.dropFirst(5))) }
            }
        }
        #expect(api.reports.all.isEmpty)
    }
}

@Suite("Admin routes", .timeLimit(.minutes(15)))
struct AdminRouteTests {
    @Test("status says what the server is at")
    func status() async throws {
        let api = try await TestAPI()
        _ = try await api.get("/health")
        _ = try await api.get("/none")
        let text = try await api.request(.get, "/admin/status", on: .unixSocket).text
        for part in [
            #"{"connections":3,"max_connections":7,"requests":2,"#, #","queued_rows":0,"running_rows":0,"#,
            #","drift_alarms":0,"drift_images":0,"#, #","dropped_log_lines":5,"decoding_requests":0,"#,
            #""http_problems":1,"#, #""score_percentiles":{"count":0,"median":null,"p99":null},"#,
            #","keys":null,"log_level":"info"}"#,
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        let keys = try TestKeys([.admin])
        let keyed = try await TestAPI(options: { $0.keys = keys.ring })
        #expect(
            try await keyed.request(.get, "/admin/status", fields: keys.fields(.admin)).text.contains(#""keys":2,"#))
    }

    @Test("reload says what was reloaded, or why not")
    func reload() async throws {
        let api = try await TestAPI()
        #expect(try await api.request(.post, "/admin/reload", on: .unixSocket).text == #"{"reloaded":["keys"]}"#)
        api.admin.reloads.change {
            $0 = [
                Administration.Reload(name: "keys", failure: "line 2: it has 1 words"),
                Administration.Reload(name: "certificate"),
            ]
        }
        let answer = try await api.request(.post, "/admin/reload", on: .unixSocket)
        #expect(
            try answer.problem(409, "reload-failed")
                == "what was in force stays in force; keys: line 2: it has 1 words")
        let body = try await api.request(.post, "/admin/reload", body: [1], on: .unixSocket)
        _ = try body.problem(413, "body-too-large")
    }

    @Test("log-level changes the level, to one that there is")
    func logLevel() async throws {
        let api = try await TestAPI()
        for level in Logger.Level.allCases {
            let answer = try await api.request(
                .put, "/admin/log-level?level=\(level.rawValue)", on: .unixSocket)
            #expect(answer.text == #"{"log_level":"\#(level.rawValue)"}"#)
            #expect(api.admin.level.value == level)
        }
        for query in ["", "?level=", "?level=loud", "?level=info&level=debug", "?verbose=1"] {
            _ = try await api.request(.put, "/admin/log-level" + query, on: .unixSocket).problem(422, "parameter")
        }
        #expect(api.admin.level.value == .critical)
    }
}
