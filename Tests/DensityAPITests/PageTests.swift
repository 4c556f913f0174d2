@testable import DensityAPI
import FoundationEssentials
import HTTPContent
import HTTPTypes
import HTTPWire
import TestSupport
import Testing

@Suite("The web page", .timeLimit(.minutes(15)))
struct PageTests {
    @Test(
        "is answered file by file, each with its type and what it may load",
        arguments: [
            ("/", "text/html", "<!doctype html>"), ("/docs", "text/html", "<!doctype html><p>"),
            ("/page/index.html", "text/html", "<!doctype html>"), ("/page/main.js", "text/javascript", "export {}"),
        ])
    func files(_ path: String, _ type: String, _ content: String) async throws {
        let answer = try await TestAPI().get(path)
        #expect(answer.status == 200 && answer.type == type && answer.text == content)
        let policy = try #require(answer.fields[.contentSecurityPolicy])
        #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"))
        #expect(!policy.contains("unsafe") && !policy.contains("http"))
        #expect(answer.fields[.xContentTypeOptions] == "nosniff")
        #expect(answer.fields[.cacheControl] == "no-cache")
    }

    @Test("what a client has is not sent again, and long text is coded")
    func repeated() async throws {
        let api = try await TestAPI()
        let plain = try await api.get("/page/score/score.js")
        let coded = try await api.request(.get, "/page/score/score.js", fields: [.acceptEncoding: "gzip"])
        #expect(coded.fields[.contentEncoding] == "gzip" && plain.fields[.contentEncoding] == nil)
        #expect(coded.fields[.eTag] != plain.fields[.eTag])
        let tag = try #require(plain.fields[.eTag])
        let again = try await api.request(.get, "/page/score/score.js", fields: [.ifNoneMatch: tag])
        #expect(again.status == 304 && again.fields[.contentSecurityPolicy] != nil)
    }

    @Test("other files, and all where it is off, are not there", arguments: ["/", "/docs", "/page/main.js"])
    func off(_ path: String) async throws {
        _ = try await TestAPI(page: []).get(path).problem(404, "not-found")
        for path in ["/page", "/page/", "/page/none.js", "/page/none/main.js", "/page/..%2Findex.html"] {
            _ = try await TestAPI().get(path).problem(404, "not-found")
        }
    }

    @Test("needs no key, and is not of the listener for metrics")
    func access() async throws {
        let keys = try TestKeys([.score])
        let api = try await TestAPI(options: { $0.keys = keys.ring })
        #expect(try await api.get("/").status == 200)
        let head = HTTPRequest(method: .get, scheme: "http", authority: "test", path: "/")
        guard case .respond(let answer) = api.api.monitoring.decide(head, on: .test) else {
            Issue.record("the listener for metrics looks further than the head")
            return
        }
        #expect(answer.status == .notFound)
    }
}

@Suite("openapi.json", .timeLimit(.minutes(15)))
struct OpenAPIJSONTests {
    @Test("scalars are those of YAML 1.2's core schema, in order")
    func scalars() throws {
        let yaml = """
            b: [on, off, yes, nan, .inf, 0x10, 1_000, "1", '2']
            a: { t: true, n: null, e: , i: -7, f: 1.5e3, s: a text }
            200: &anchor |
              two
              lines
            again: *anchor
            """
        let json = String(decoding: try JSON(yaml: yaml).encoded, as: UTF8.self)
        #expect(
            json
                == #"{"b":["on","off","yes","nan",".inf","0x10","1_000","1","2"],"a":{"t":true,"n":null,"e":null,"i":-7,"#
                + #""f":1500.0,"s":"a text"},"200":"two\u000alines\u000a","again":"two\u000alines\u000a"}"#)
    }

    private struct Document: Decodable {
        struct Path: Decodable {}
        var openapi: String
        var paths: [String: Path]
    }

    @Test("is openapi.yaml as JSON")
    func document() async throws {
        let contract = try Contract()
        let answer = try await TestAPI(openAPI: contract.text).get("/openapi.json")
        #expect(answer.status == 200 && answer.type == "application/json")
        // read by another's parser
        let document = try JSONDecoder().decode(Document.self, from: Data(answer.text.utf8))
        #expect(document.openapi == "3.1.0")
        #expect(Set(document.paths.keys) == Set(contract.root["paths"]?.members.map(\.key) ?? []))
    }
}
