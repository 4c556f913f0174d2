import DensityAPI
import HTTPContent
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

@Suite("Requests of web pages", .timeLimit(.minutes(15)))
struct BrowserTests {
    private static let loopback = ConnectionInfo(peer: "127.0.0.1", isLoopback: true)
    private static let remote = ConnectionInfo(peer: "192.0.2.1")

    @Test(
        "on loopback the service has the names of loopback",
        arguments: [
            "localhost", "LOCALHOST:8080", "localhost.", "app.localhost:1", "127.0.0.1", "127.1.2.3:80", "[::1]",
            "[::1]:8080", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:1", "ours.example", "Ours.Example.:8080", nil,
        ] as [String?])
    func ours(_ host: String?) async throws {
        let api = try await TestAPI(options: { $0.browsers.allowedHosts = [try HostName("ours.example")] })
        #expect(try await api.request(.get, "/health", host: host, on: Self.loopback).status == 200)
    }

    @Test(
        "on loopback another host is refused, on every path and for every method",
        arguments: [
            "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", "192.0.2.1",
            "0.0.0.0", "[::2]", "[::ffff:192.0.2.1]", "", "127.1", "2130706433",
        ])
    func foreign(_ host: String) async throws {
        let api = try await TestAPI()
        for (method, path) in [(HTTPRequest.Method.get, "/health"), (.post, "/logprob"), (.options, "/sample")] {
            let answer = try await api.request(method, path, host: host, on: Self.loopback)
            #expect(try answer.problem(421, "misdirected-request").contains("--allowed-host"))
        }
    }

    @Test("elsewhere names are checked once one is given, and addresses never are")
    func elsewhere() async throws {
        let open = try await TestAPI()
        #expect(try await open.request(.get, "/health", host: "any.example", on: Self.remote).status == 200)
        let named = try await TestAPI(options: { $0.browsers.allowedHosts = [try HostName("ours.example")] })
        for host in ["ours.example:443", "192.0.2.7:8080", "[2001:db8::1]", "localhost"] {
            #expect(try await named.request(.get, "/health", host: host, on: Self.remote).status == 200, "\(host)")
        }
        let refused = try await named.request(.get, "/health", host: "any.example", on: Self.remote)
        _ = try refused.problem(421, "misdirected-request")
        let unix = ConnectionInfo(peer: "", isUnixSocket: true, isLoopback: true)
        #expect(try await named.request(.get, "/health", host: "any", on: unix).status == 200)
    }

    @Test("a page of another origin cannot have a density computed, and can be answered a GET")
    func foreignOrigin() async throws {
        let api = try await TestAPI(options: { $0.browsers.corsOrigins = [try WebOrigin("https://app.example")] })
        func post(_ fields: HTTPFields) async throws -> Answer {
            var fields = fields
            fields[.contentType] = "application/octet-stream"
            return try await api.request(
                .post, "/logprob", fields: fields, body: [1, 1, 1, 1, 1, 1], host: "tusk.example:8443")
        }
        for origin in ["https://evil.example", "null", "https://tusk.example", "http://app.example", ""] {
            #expect(try await post([.origin: origin]).problem(403, "foreign-origin").contains("--cors-origin"))
            let answer = try await api.request(.get, "/sample", fields: [.origin: origin], host: "tusk.example:8443")
            #expect(answer.status == 200 && answer.fields[.accessControlAllowOrigin] == nil)
        }
        for origin in ["https://tusk.example:8443", "http://TUSK.example:8443", "https://app.example"] {
            #expect(try await post([.origin: origin]).status == 200, "\(origin)")
        }
        #expect(try await post([:]).status == 200)
        let site = HTTPField.Name("Sec-Fetch-Site")!
        #expect(try await post([.origin: "https://proxied.example", site: "same-origin"]).status == 200)
        #expect(try await post([.origin: "https://proxied.example", site: "same-site"]).status == 403)
    }

    @Test("an allowed origin may read every answer, errors too; no credentials are allowed")
    func cors() async throws {
        let origin = "https://app.example"
        let api = try await TestAPI(options: { $0.browsers.corsOrigins = [try WebOrigin(origin)] })
        for path in ["/health", "/sample?seed=1", "/nowhere", "/openapi.yaml"] {
            let answer = try await api.request(.get, path, fields: [.origin: origin])
            #expect(answer.fields[.accessControlAllowOrigin] == origin)
            #expect(answer.fields[.vary]?.hasSuffix("Origin") == true)
            #expect(
                answer.fields[.accessControlExposeHeaders]
                    == "ETag, Retry-After, Server-Timing, Tusk-Method, Tusk-Round-Trip-Error, Tusk-Seed, X-Request-Id")
            #expect(answer.fields[HTTPField.Name("Access-Control-Allow-Credentials")!] == nil)
            let plain = try await api.get(path)
            #expect(plain.fields[.accessControlAllowOrigin] == nil && plain.fields[.vary]?.hasSuffix("Origin") == true)
        }
        #expect(try await TestAPI().request(.get, "/health", fields: [.origin: origin]).fields[.vary] == nil)
    }

    @Test("a preflight says what the path allows, to an allowed origin only")
    func preflight() async throws {
        let api = try await TestAPI(options: { $0.browsers.corsOrigins = [try WebOrigin("https://app.example")] })
        var fields: HTTPFields = [.origin: "https://app.example", .accessControlRequestMethod: "POST"]
        let answer = try await api.request(.options, "/logprob", fields: fields)
        #expect(answer.status == 204 && answer.body.isEmpty)
        #expect(answer.fields[.allow] == "POST, OPTIONS")
        #expect(answer.fields[.accessControlAllowOrigin] == "https://app.example")
        #expect(answer.fields[.accessControlAllowMethods] == "POST, OPTIONS")
        #expect(
            answer.fields[.accessControlAllowHeaders]
                == "Authorization, Content-Encoding, Content-Type, If-None-Match, traceparent, X-Request-Id")
        #expect(answer.fields[.accessControlMaxAge] == "600" && answer.fields[.vary] == "Origin")
        fields[.origin] = "https://evil.example"
        let foreign = try await api.request(.options, "/logprob", fields: fields)
        #expect(foreign.status == 204 && foreign.fields[.accessControlAllowOrigin] == nil)
        #expect(foreign.fields[.accessControlAllowMethods] == nil)
        let plain = try await TestAPI().request(.options, "/sample")
        #expect(plain.status == 204 && plain.fields[.allow] == "GET, HEAD, OPTIONS" && plain.fields[.vary] == nil)
        _ = try await api.request(.options, "/nowhere", fields: fields).problem(404, "not-found")
    }
}
