public import HTTPContent
package import HTTPTypes
import HTTPWire

/// Rules that protect a service from web pages, which can make their readers' browsers send requests to it: by name, when an
/// attacker's name is made to point to it (DNS rebinding), or by its own address, across origins. See docs/reference/http-content.md.
public struct BrowserRules: Sendable {
    /// Origins whose pages may use the service (the CORS protocol of the Fetch standard).
    public var corsOrigins: [WebOrigin]
    /// Names of the service beside those of the loopback interface.
    public var allowedHosts: [HostName]

    /// Seconds for which a browser need not ask again what a path allows.
    static let maxAge = 600
    /// Fields of requests that pages may set, beside those that the Fetch standard always lets them.
    static let requestFields: [HTTPField.Name] = [
        .authorization, .contentEncoding, .contentType, .ifNoneMatch, .traceParent, .requestID,
    ]
    /// Fields of answers that pages may read, beside those that the Fetch standard always lets them.
    static let responseFields: [HTTPField.Name] = [
        .eTag, .retryAfter, .serverTiming, .method, .roundTripError, .seed, .requestID,
    ]

    public init(corsOrigins: [WebOrigin] = [], allowedHosts: [HostName] = []) {
        self.corsOrigins = corsOrigins
        self.allowedHosts = allowedHosts
    }

    /// Checks the host and the origin of a request.
    /// - Throws: ``ProblemKind/misdirectedRequest`` for a host that is not ours, ``ProblemKind/foreignOrigin`` for a page
    ///   of another origin that would change or compute something.
    func check(_ request: HTTPRequest, on connection: ConnectionInfo) throws(Problem) {
        try checkHost(request.authority, on: connection)
        try checkOrigin(request)
    }

    private func checkHost(_ authority: String?, on connection: ConnectionInfo) throws(Problem) {
        // No browser reaches a Unix socket, and none leaves out Host, as HTTP/1.0 may.
        guard connection.isLoopback || !allowedHosts.isEmpty, !connection.isUnixSocket, let authority else { return }
        let host = HostName(ofAuthority: authority)
        // Rebinding needs a name: beyond loopback an address can only be that of the service, as probes use it.
        guard host.isLoopback || allowedHosts.contains(host) || !connection.isLoopback && host.isAddress else {
            throw Problem(
                .misdirectedRequest, "Host \(quoted(authority)) is no name of this service; --allowed-host adds one")
        }
    }

    private func checkOrigin(_ request: HTTPRequest) throws(Problem) {
        switch request.method {
        case .get, .head, .options: return
        default: break
        }
        guard let origin = request.headerFields[.origin], !isAllowed(origin) else { return }
        // A page cannot set this field; browsers send it where the service is encrypted or on loopback.
        if request.headerFields[.secFetchSite] == "same-origin" { return }
        // The scheme is not compared: a proxy may have undone TLS.
        let sent = origin.lowercased()
        if let authority = request.authority?.lowercased(), !authority.isEmpty,
            sent == "http://\(authority)" || sent == "https://\(authority)"
        {
            return
        }
        throw Problem(
            .foreignOrigin,
            "Origin \(quoted(origin)) may not send \(request.method.rawValue); --cors-origin allows an origin")
    }

    private func isAllowed(_ origin: String) -> Bool { corsOrigins.contains { $0.text == origin } }

    /// Says in `response` which pages may read it.
    func addFields(to response: inout ServerResponse, for request: HTTPRequest) {
        if corsOrigins.isEmpty { return }
        response.fields.vary(by: .origin)
        guard let origin = request.headerFields[.origin], isAllowed(origin) else { return }
        response.fields[.accessControlAllowOrigin] = origin
        if request.method == .options, request.headerFields[.accessControlRequestMethod] != nil {
            response.fields[.accessControlAllowMethods] = response.fields[.allow]
            response.fields[.accessControlAllowHeaders] = Self.list(Self.requestFields)
            response.fields[.accessControlMaxAge] = String(Self.maxAge)
        } else {
            response.fields[.accessControlExposeHeaders] = Self.list(Self.responseFields)
        }
    }

    private static func list(_ names: [HTTPField.Name]) -> String {
        names.map(\.rawName).joined(separator: ", ")
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name("Sec-Fetch-Site")!
    /// Trace of a request (W3C Trace Context).
    package static let traceParent = HTTPField.Name("traceparent")!
}
