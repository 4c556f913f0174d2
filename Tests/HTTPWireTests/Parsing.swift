import HTTPTypes
import HTTPWire

/// A head: what the connection sees of it, and the request for the handler.
@dynamicMemberLookup
struct ParsedHead: Equatable {
    var facts: RequestHead
    var request: HTTPRequest

    subscript<Value>(dynamicMember path: KeyPath<RequestHead, Value>) -> Value { facts[keyPath: path] }
}

/// What came out of a parser, with the parts of a body joined, so that it does not depend on where the bytes were cut.
struct Parsed: Equatable {
    var heads: [ParsedHead] = []
    var bodies: [[UInt8]] = []
    var completed = 0
    var error: HTTPServerError?

    /// Parses `pieces` one after the other.
    init(_ pieces: [ArraySlice<UInt8>], limits: HTTPLimits = HTTPLimits()) {
        var parser = RequestParser(limits: limits)
        for piece in pieces {
            parser.receive(Array(piece).span)
            do throws(HTTPServerError) {
                while let event = try parser.next() {
                    switch event {
                    case .head(let head):
                        heads.append(ParsedHead(facts: head, request: parser.makeRequest()))
                        bodies.append([])
                    case .body(let part):
                        parser.withBytes(of: part) { span in
                            bodies[bodies.count - 1] += span.indices.map { span[$0] }
                        }
                    case .end: completed += 1
                    }
                }
            } catch {
                self.error = error
                return
            }
        }
    }

    init(_ text: String, limits: HTTPLimits = HTTPLimits()) {
        self.init([Array(text.utf8)[...]], limits: limits)
    }

    var bodyTexts: [String] { bodies.map { String(decoding: $0, as: UTF8.self) } }
}

func get(_ fields: String, target: String = "/") -> String {
    "GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

func post(_ fields: String, body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
}

func chunked(_ body: String) -> String {
    post("Transfer-Encoding: chunked\r\n", body: body)
}
