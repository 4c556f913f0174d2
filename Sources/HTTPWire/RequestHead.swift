package import HTTPTypes

/// The versions that are spoken.
package enum HTTPVersion: Sendable {
    case http10, http11
}

/// How the end of a request's body is found (RFC 9112, section 6.3).
package enum RequestFraming: Equatable, Sendable {
    /// Neither Content-Length nor Transfer-Encoding: there is no body.
    case none
    case length(Int)
    case chunked
}

/// What was done to a body before it was framed (RFC 9110, section 8.4.1).
package enum ContentCoding: Equatable, Sendable {
    case identity, gzip, deflate
    /// The value as received, shortened to 64 characters.
    case unsupported(String)
}

/// A request's head, with what the connection needs to know of it.
package struct RequestHead: Equatable, Sendable {
    /// `authority` is the value of Host, or the authority of an absolute target; Host is not among the fields.
    package var request: HTTPRequest
    package var version: HTTPVersion
    package var framing: RequestFraming
    package var contentCoding: ContentCoding
    /// The client wants to send more requests.
    package var keepAlive: Bool
    /// The client waits for 100 (Continue) before it sends the body.
    package var expectsContinue: Bool
    /// The client expects something that is not 100-continue.
    package var expectationFails: Bool
}

extension RequestHead {
    /// Reads the fields that frame the message and rule the connection.
    init(
        method: HTTPRequest.Method, target: RequestTarget, version: HTTPVersion, fields: HTTPFields
    ) throws(HTTPServerError) {
        var hosts: [String] = []
        var lengths: [String] = []
        var transferCodings: [String]?
        var contentCodings: [String] = []
        var connection: [String] = []
        var expectations: [String] = []
        for field in fields {
            switch field.name.canonicalName {
            case "host": hosts.append(field.value)
            case "content-length": lengths.append(field.value)
            case "transfer-encoding": transferCodings = (transferCodings ?? []) + Self.list(field.value)
            case "content-encoding": contentCodings += Self.list(field.value)
            case "connection": connection += Self.list(field.value)
            case "expect": expectations += Self.list(field.value)
            default: break
            }
        }
        var kept = fields
        if !hosts.isEmpty { kept.removeAll { $0.name.canonicalName == "host" } }
        request = HTTPRequest(
            method: method, scheme: target.scheme, authority: try Self.authority(hosts, target, version),
            path: target.path, headerFields: kept)
        self.version = version
        framing = try Self.framing(lengths: lengths, transferCodings: transferCodings, version: version)
        contentCoding = Self.contentCoding(contentCodings)
        keepAlive =
            !connection.contains("close") && (version == .http11 || connection.contains("keep-alive"))
        // An HTTP/1.0 client cannot expect anything (RFC 9110, section 10.1.1).
        expectsContinue = version == .http11 && expectations.contains("100-continue")
        expectationFails = version == .http11 && expectations.contains { $0 != "100-continue" }
    }

    /// RFC 9112, section 3.2: exactly one valid Host; an absolute target's authority takes its place.
    private static func authority(
        _ hosts: [String], _ target: RequestTarget, _ version: HTTPVersion
    ) throws(HTTPServerError) -> String? {
        guard hosts.count <= 1 else { throw .malformed(reason: "more than one Host field") }
        if let host = hosts.first {
            guard Character.isAuthority(host) else { throw .malformed(reason: "invalid Host field") }
        } else if version == .http11 {
            throw .malformed(reason: "no Host field")
        }
        return target.authority ?? hosts.first
    }

    /// RFC 9112, section 6.3, refusing everything that two servers could read in two ways.
    private static func framing(
        lengths: [String], transferCodings: [String]?, version: HTTPVersion
    ) throws(HTTPServerError) -> RequestFraming {
        if let codings = transferCodings {
            guard version == .http11 else { throw .malformed(reason: "Transfer-Encoding in HTTP/1.0") }
            guard lengths.isEmpty else { throw .malformed(reason: "both Transfer-Encoding and Content-Length") }
            guard let last = codings.last else { throw .malformed(reason: "empty Transfer-Encoding") }
            guard !codings.dropLast().contains("chunked") else {
                throw .malformed(reason: "chunked must be the last transfer coding, once")
            }
            guard codings.count == 1, last == "chunked" else { throw .unsupportedTransferCoding }
            return .chunked
        }
        guard let text = lengths.first else { return .none }
        guard lengths.count == 1 else { throw .malformed(reason: "more than one Content-Length field") }
        guard !text.isEmpty, text.utf8.allSatisfy(Character.isDigit), let length = Int(text) else {
            throw .malformed(reason: "invalid Content-Length")
        }
        return .length(length)
    }

    private static func contentCoding(_ codings: [String]) -> ContentCoding {
        switch codings {
        case [], ["identity"]: .identity
        case ["gzip"], ["x-gzip"]: .gzip
        case ["deflate"]: .deflate
        default: .unsupported(String(codings.joined(separator: ", ").prefix(64)))
        }
    }

    /// The non-empty elements of a comma-separated list, in lower case (RFC 9110, section 5.6.1).
    private static func list(_ value: String) -> [String] {
        value.lowercased().utf8.split(separator: UInt8(ascii: ",")).compactMap { element in
            let blank = { (byte: UInt8) in byte == Character.space || byte == Character.tab }
            var trimmed = element.drop(while: blank)
            while let last = trimmed.last, blank(last) { trimmed.removeLast() }
            return trimmed.isEmpty ? nil : String(Substring(trimmed))
        }
    }
}

/// The second word of a request line (RFC 9112, section 3.2).
struct RequestTarget: Equatable {
    /// Of an absolute target only.
    var scheme: String?
    /// Of an absolute target only.
    var authority: String?
    /// Path and query, or `*`.
    var path: String

    /// - Parameter text: visible ASCII, not empty.
    init(_ text: String, method: HTTPRequest.Method) throws(HTTPServerError) {
        guard !text.utf8.contains(UInt8(ascii: "#")) else {
            throw .malformed(reason: "a fragment in the request target")
        }
        if text.utf8.first == UInt8(ascii: "/") {
            path = text
        } else if text == "*" {
            guard method == .options else { throw .malformed(reason: "an asterisk target is for OPTIONS only") }
            path = text
        } else {
            let start = text.prefix(8).lowercased()
            guard let scheme = ["http", "https"].first(where: { start.hasPrefix($0 + "://") }) else {
                throw .malformed(reason: "the request target must be a path, an http URI or an asterisk")
            }
            let rest = text.dropFirst(scheme.count + 3)
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            guard !authority.isEmpty, Character.isAuthority(authority) else {
                throw .malformed(reason: "invalid authority in the request target")
            }
            let path = rest.dropFirst(authority.count)
            self.scheme = scheme
            self.authority = String(authority)
            if path.isEmpty {
                self.path = method == .options ? "*" : "/"
            } else {
                self.path = path.utf8.first == UInt8(ascii: "/") ? String(path) : "/" + path
            }
        }
    }
}
