@testable import DensityAPI
import FlowCore
import FlowModels
import FoundationEssentials
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving
import TestSupport
import Testing

@Suite("openapi.yaml", .timeLimit(.minutes(15)))
struct ContractTests {
    @Test("has the routes of the table, in its order")
    func table() throws {
        let documented = try Contract().operations.map(\.operation)
        let table = routes.flatMap { route in
            route.paths.map { Contract.Operation(path: $0, method: route.method.rawValue) }
        }
        #expect(documented == table)
    }

    @Test("says of every route which key it needs")
    func access() throws {
        let contract = try Contract()
        for (route, path) in routes.flatMap({ route in route.paths.map { (route, $0) } }) {
            let operation = Contract.Operation(path: path, method: route.method.rawValue)
            let expected =
                switch route.access {
                case .anyone: "[]"
                case .anyKey: "[{ key: [] }, {}]"
                case .scope(let scope): "[{ key: [\(scope.rawValue)] }, {}]"
                case .oneOf(let scopes): "[\(scopes.map { "{ key: [\($0.rawValue)] }" }.joined(separator: ", ")), {}]"
                }
            #expect(try contract.description(of: operation)["security"] == YAML.read(expected), "\(route.path)")
            let statuses = contract.operations.first { $0.operation == operation }?.statuses ?? []
            #expect(statuses.contains(401) == (route.access != .anyone), "\(route.path)")
            #expect(statuses.contains(403) == (route.access != .anyone && route.access != .anyKey), "\(route.path)")
        }
    }

    @Test("has every problem type")
    func problems() throws {
        let documented = try Contract().root["components"]?["schemas"]?["ProblemType"]?["enum"]?.items
        #expect(documented == ProblemKind.allCases.map { .string($0.type) })
    }

    @Test("has every parameter that a route knows")
    func parameters() async throws {
        let text = try Contract().text
        let api = try await TestAPI()
        for path in [
            "/sample?x=", "/logprob?x=", "/typicality?x=", "/encode?x=", "/decode?x=", "/interpolate?x=",
            "/complete?x=",
        ] {
            let method: HTTPRequest.Method = path.hasPrefix("/sample") ? .get : .post
            let detail = try await api.request(method, path, fields: [.contentType: "image/png"]).problem(
                422, "parameter")
            let known = try #require(detail.split(separator: "known are ").last).split(separator: ", ")
            #expect(known.count >= 2)
            for name in known { #expect(text.contains("name: \(name)\n"), "\(name) is not documented") }
        }
    }

    @Test("has every figure of a score, and no other, in their order")
    func figures() throws {
        let score = try #require(try Contract().root["components"]?["schemas"]?["Score"])
        #expect(score["properties"]?.members.map(\.key) == ImageScore.figureNames)
    }

    @Test("has no status that cannot be had, and none whose answer is not as it says")
    func statuses() async throws {
        let contract = try Contract()
        for (operation, statuses) in contract.operations {
            for status in statuses {
                let answer = try await Self.provoke(status, of: operation.path, method: operation.method)
                #expect(answer?.status == status, "\(operation.method) \(operation.path)")
                guard let answer else { continue }
                let response = try contract.response(status, of: operation)
                for header in response["headers"]?.members ?? []
                where try contract.resolved(header.value)["required"] == .bool(true) {
                    let name = try #require(HTTPField.Name(header.key))
                    #expect(answer.fields[name] != nil, "\(operation.path) \(status): no \(header.key)")
                }
                guard let content = response["content"] else { continue }
                let type = try #require(answer.type)
                let media = try #require(content[type], "\(operation.path) \(status): \(type) is not documented")
                if type == "application/problem+json" || operation.path.hasPrefix("/v2") && status >= 400 {
                    var seen: Set<String> = []
                    let schema = try #require(media["schema"])
                    #expect(try contract.faults(of: YAML.read(answer.text), in: schema, at: "", seen: &seen) == [])
                }
            }
        }
    }

    /// A request to the route that is answered with `status`; nil when none is known.
    private static func provoke(_ status: Int, of path: String, method: String) async throws -> Answer? {
        let isInference = path.hasPrefix("/v2")
        let isPage = PageRoute.paths.contains(path)
        let path = path.replacing("{model}", with: "fake").replacing("{version}", with: "1")
            .replacing("{folder}/{file}", with: "score/score.js").replacing("{file}", with: "main.js")
        let method = try #require(HTTPRequest.Method(method))
        let head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path)
        let isAdmin = path.hasPrefix("/admin/") || path.hasPrefix("/v2/repository/models/")
        let needed = path == "/admin/log-level" ? "?level=debug" : ""
        func refused(_ error: HTTPServerError) async throws -> Answer {
            try await Answer(TestAPI().api.respond(to: error, head: head, labels: ExchangeLabels(), on: .test))
        }
        func send(_ api: TestAPI, _ query: String = "", _ fields: HTTPFields = [:]) async throws -> Answer {
            let (type, body) = content(of: path, beginning: 1)
            return try await api.request(
                method, path + (query.isEmpty ? needed : query),
                fields: !fields.isEmpty ? fields : method == .post ? [.contentType: type] : [:],
                body: isAdmin || method != .post ? [] : body, on: isAdmin ? .unixSocket : .test)
        }
        switch status {
        case 200: return try await send(TestAPI(FakeDensity(decision: .test())))
        case 304:
            let path = path.hasSuffix("/sample") ? "\(path)?seed=1" : path
            let tag = try #require(try await TestAPI().get(path).fields[.eTag])
            return try await TestAPI().request(.get, path, fields: [.ifNoneMatch: tag])
        case 400: return try await refused(.malformed(reason: "no Host"))
        case 401, 403:
            let other = ["/drift", "/metrics"].contains(path) || path.hasSuffix("/stats") ? Scope.score : .metrics
            let keys = try TestKeys(status == 403 ? [other] : [])
            let api = try await TestAPI(options: { $0.keys = keys.ring })
            return try await api.request(method, path, fields: status == 403 ? keys.fields(other) : [:])
        case 404 where path.contains("/fake"):
            let other = path.replacing("/fake", with: "/other")
            let (type, body) = content(of: path, beginning: 1)
            return try await TestAPI().request(
                method, other, fields: method == .post && !isAdmin ? [.contentType: type] : [:],
                body: isAdmin || method != .post ? [] : body, on: isAdmin ? .unixSocket : .test)
        case 404 where isPage: return try await TestAPI(page: []).get(path)
        case 404: return try await send(TestAPI(), "?model=other")
        case 405: return try await TestAPI().request(.patch, path)
        case 406:
            let accept = isPage ? "image/webp" : "text/html"
            return try await send(TestAPI(), "", [.accept: accept, .contentType: "application/octet-stream"])
        case 408: return try await refused(.bodyTooSlow(minimumRate: 1024, seconds: 30))
        case 409:
            let api = try await TestAPI()
            api.admin.modelError.change { $0 = ModelExchangeError.isDefault("fake") }
            api.admin.reloads.change { $0 = [Administration.Reload(name: "keys", failure: "line 3: it has no name")] }
            return try await send(api)
        case 411: return try await refused(.lengthRequired)
        case 413: return try await refused(.bodyTooLarge(limit: 6))
        case 414: return try await refused(.targetTooLong(limit: 8192))
        case 415 where method == .post && !isAdmin && !isInference:
            return try await send(TestAPI(), "", [.contentType: "text/plain"])
        case 415: return try await refused(.unsupportedContentCoding("br"))
        case 417: return try await refused(.expectationFailed)
        case 421:
            let api = try await TestAPI(options: { $0.browsers.allowedHosts = [try HostName("ours")] })
            return try await isAdmin ? api.request(method, path + needed) : send(api)
        case 422: return try await send(TestAPI(), "?unknown=1")
        case 429 where isInference || ["/models", "/models/fake"].contains(path):
            let keys = try TestKeys([.score], limits: [.requests: .rate(Rate(1, per: .hour))])
            let api = try await TestAPI(options: { $0.keys = keys.ring })
            var fields = keys.fields(.score)
            if method == .post { fields[.contentType] = content(of: path, beginning: 1).type }
            #expect(try await send(api, "", fields).status == 200)
            return try await send(api, "", fields)
        case 429:
            // the lane that the route's work is in
            let model = FakeDensity(
                decision: .test(), samplingOrder: path == "/complete" ? .sequential : .parallel)
            let api = try await TestAPI(model, configure: { $0.maxQueueRows = 1 })
            model.hold()
            async let busy = api.get("/sample")
            await eventually { model.samplingCalls.count == 2 }
            async let waiting = api.get("/sample")
            await eventually { api.service.queuedRows == 1 }
            let answer = try await send(api)
            model.release()
            _ = try await (busy, waiting)
            return answer
        case 431: return try await refused(.fieldsTooLarge(limit: 32768, unit: "bytes"))
        case 500 where method == .post:
            let (type, body) = content(of: path, beginning: FakeDensity.poison)
            return try await TestAPI(FakeDensity(decision: .test())).request(
                method, path, fields: [.contentType: type], body: body)
        case 500: return try await send(TestAPI(FakeDensity(failsSampling: true)))
        case 501: return try await refused(.unsupportedTransferCoding)
        case 503 where path.hasSuffix("/health/live"):
            let model = FakeDensity()
            let api = try await TestAPI(model, options: { $0.livenessTimeout = .zero })
            return try await api.holding(model) { try await send(api) }
        case 503 where path.hasPrefix("/admin/models") || path.hasPrefix("/v2/repository/models/"):
            let api = try await TestAPI()
            api.admin.modelError.change { $0 = ServingError.draining }
            return try await send(api)
        case 503: return try await send(TestAPI(isLoading: true))
        case 504:
            let model = FakeDensity(decision: .test())
            let api = try await TestAPI(model, options: { $0.requestTimeout = .milliseconds(20) })
            model.hold()
            defer { model.release() }
            return try await send(api)
        case 505: return try await refused(.unsupportedVersion)
        default: return nil
        }
    }

    /// A body that the route takes, its media type first; the first level, or number of a latent, is `first`.
    private static func content(of path: String, beginning first: UInt8) -> (type: String, body: [UInt8]) {
        let image = "[\(first),1,1,1,1,1]"
        if path.hasSuffix("/infer") {
            let tensor = "{\"name\":\"image\",\"datatype\":\"UINT8\",\"shape\":[1,2,3],\"data\":\(image)}"
            return ("application/json", Array("{\"inputs\":[\(tensor)]}".utf8))
        }
        return switch path {
        case "/v2/repository/index": ("application/json", Array("{}".utf8))
        case "/decode": ("application/json", Array("{\"latent\":\(image)}".utf8))
        case "/interpolate": ("application/octet-stream", [first, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
        case "/complete": ("application/json", Array("{\"image\":\(image),\"mask\":[0,0,0,1,1,1]}".utf8))
        default: ("application/octet-stream", [first, 1, 1, 1, 1, 1])
        }
    }

    @Test("server refusals have their fields")
    func serverRefusals() async throws {
        let api = try await TestAPI().api
        let coding = try await Answer(
            api.respond(to: .unsupportedContentCoding("br"), head: nil, labels: ExchangeLabels(), on: .test))
        #expect(try coding.problem(415, "unsupported-content-coding").contains("\"br\""))
        #expect(coding.fields[.acceptEncoding] == "gzip, deflate, identity")
        let damaged = try await Answer(
            api.respond(to: .badContentCoding(reason: "cut off"), head: nil, labels: ExchangeLabels(), on: .test))
        #expect(try damaged.problem(400, "malformed-body").contains("cut off"))
        let plain = try await Answer(
            api.respond(to: .encryptionRequired, head: nil, labels: ExchangeLabels(), on: .test))
        #expect(try plain.problem(400, "encryption-required") == "this port speaks TLS; use https://")
    }
}
