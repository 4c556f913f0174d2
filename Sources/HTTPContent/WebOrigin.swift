import System

/// A web origin as browsers write it: scheme, host and, unless it is the scheme's own, port (RFC 6454, section 6.2).
public struct WebOrigin: Hashable, Sendable {
    /// The origin in lower case.
    public let text: String

    /// The origin that `text` writes.
    /// - Throws: ``WebOriginError`` for `*`, `null` and what no browser would send.
    public init(_ text: String) throws(WebOriginError) {
        if text == "*" { throw .anyOrigin }
        if text.lowercased() == "null" { throw .nullOrigin }
        let lower = text.lowercased()
        guard let scheme = ["http", "https"].first(where: { lower.hasPrefix("\($0)://") }) else { throw .notAnOrigin }
        let authority = String(lower.dropFirst(scheme.count + 3))
        let host = HostName(ofAuthority: authority)
        guard (try? HostName(host.text)) != nil, authority.hasPrefix(host.text) else { throw .notAnOrigin }
        let rest = authority.dropFirst(host.text.count)
        if !rest.isEmpty {
            let digits = rest.dropFirst()
            guard rest.hasPrefix(":"), digits.utf8.allSatisfy(ASCII.isDigit), !digits.hasPrefix("0"),
                let port = Int(digits), port <= 65_535
            else { throw .notAnOrigin }
            if port == (scheme == "http" ? 80 : 443) { throw .defaultPort }
        }
        self.text = lower
    }
}

/// Reason why a text is no origin that may be allowed; the description names what is wrong and why.
public enum WebOriginError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `*`, which is every page.
    case anyOrigin
    /// `null`, which many pages have.
    case nullOrigin
    /// The text is no scheme, host and perhaps port.
    case notAnOrigin
    /// The port that the scheme has anyway.
    case defaultPort

    /// Text of what is wrong, and why it is refused.
    public var description: String {
        switch self {
        case .anyOrigin: "any page that a user opens could then use this service; name each origin"
        case .nullOrigin: "sandboxed frames and local files of anybody have the origin null; name an origin"
        case .notAnOrigin: "an origin is http:// or https://, a host in ASCII and perhaps a port, and no path"
        case .defaultPort: "browsers leave out the scheme's own port; leave it out here"
        }
    }
}
