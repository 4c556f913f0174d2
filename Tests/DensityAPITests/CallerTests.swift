@testable import DensityAPI
import HTTPTypes
import HTTPWire
import Serving
import TestSupport
import Testing

/// A route that answers with the name of its caller.
private struct CallerRoute: Route {
    static let path = "/caller"
    static let method = HTTPRequest.Method.get
    static let access = Access.scope(.score)

    init(_: APIContext) {}

    func begin(_ request: RoutedRequest) -> RouteWork {
        .done(ServerResponse(status: .ok, body: .bytes(Array(request.caller.name.utf8))))
    }
}

@Suite("Callers", .timeLimit(.minutes(15)))
struct CallerTests {
    private func caller(
        of connection: ConnectionInfo, fields: HTTPFields = [:], options: (inout APIOptions) -> Void = { _ in }
    ) async throws -> String {
        var api = try await TestAPI(options: options).api
        api.table = RouteTable([CallerRoute(api.context)])
        let head = HTTPRequest(method: .get, scheme: "http", authority: "test", path: "/caller", headerFields: fields)
        return String(decoding: try await Answer(await api.response(to: head, on: connection)).body, as: UTF8.self)
    }

    @Test("a caller is its connection, also when others have its address")
    func connections() async throws {
        for number: UInt64 in [1, 17] {
            let connection = ConnectionInfo(peer: "192.0.2.1", number: number)
            #expect(try await caller(of: connection) == "connection:\(number)")
        }
    }

    @Test(
        "by option a caller is its address",
        arguments: [
            ("192.0.2.1", "address:192.0.2.1"), ("2001:db8::1:2", "address:2001:db8:0:0::/64"), ("", "connection:3"),
        ])
    func addresses(_ peer: String, name: String) async throws {
        let connection = ConnectionInfo(peer: peer, number: 3)
        #expect(try await caller(of: connection) { $0.countsByAddress = true } == name)
    }

    @Test("the holder of a key is one caller, on any connection", arguments: [false, true])
    func keys(countsByAddress: Bool) async throws {
        let keys = try TestKeys([.score])
        for number: UInt64 in [1, 2] {
            let connection = ConnectionInfo(peer: "192.0.2.\(number)", number: number)
            let name = try await caller(of: connection, fields: keys.fields(.score)) {
                $0.keys = keys.ring
                $0.countsByAddress = countsByAddress
            }
            #expect(name == "key:score")
        }
    }
}
