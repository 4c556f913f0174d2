import Glibc

/// Why an origin or a host name of the configuration was refused; the description names what is wrong and why.
public enum BrowserRuleError: Error, Equatable, Sendable, CustomStringConvertible {
    case anyOrigin
    case nullOrigin
    case notAnOrigin
    case defaultPort
    case notAHostName

    public var description: String {
        switch self {
        case .anyOrigin: "any page that a user opens could then use this service; name each origin"
        case .nullOrigin: "sandboxed frames and local files of anybody have the origin null; name an origin"
        case .notAnOrigin: "an origin is http:// or https://, a host in ASCII and perhaps a port, and no path"
        case .defaultPort: "browsers leave out the scheme's own port; leave it out here"
        case .notAHostName: "a host name is letters, digits, hyphens and dots, or an IP address, without a port"
        }
    }
}

/// A host as it stands in an authority, in lower case and without the dot of the root.
public struct HostName: Hashable, Sendable {
    let text: String

    /// - Throws: ``BrowserRuleError/notAHostName`` unless `text` is a name or an address without a port.
    public init(_ text: String) throws(BrowserRuleError) {
        let host = HostName(ofAuthority: text)
        let isName = host.text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        let labels = host.text.split(separator: ".", omittingEmptySubsequences: false)
        guard !labels.contains(""), host.text.utf8.count <= 253, isName && !text.contains(":") || host.isAddress,
            text.hasSuffix("]") || !text.contains("]")
        else { throw .notAHostName }
        self = host
    }

    /// The host of `host [ ":" port ]`, whatever it is.
    init(ofAuthority authority: String) {
        // By bytes: it runs for every request.
        let bytes = authority.utf8
        let end =
            bytes.first == UInt8(ascii: "[")
            ? bytes.firstIndex(of: UInt8(ascii: "]")).map(bytes.index(after:)) : bytes.firstIndex(of: UInt8(ascii: ":"))
        let host = bytes[..<(end ?? bytes.endIndex)]
        text = Substring(host.last == UInt8(ascii: ".") ? host.dropLast() : host).lowercased()
    }

    /// `localhost`, a name below it (RFC 6761, section 6.3), or an address of the loopback interface.
    var isLoopback: Bool {
        if text == "localhost" || text.hasSuffix(".localhost") { return true }
        guard let address else { return false }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        switch address.count {
        case 4: return address[0] == 127
        default:
            return address == Array(repeating: 0, count: 15) + [1]
                || address[..<12] == mapped[...] && address[12] == 127
        }
    }

    /// An IPv4 address, or an IPv6 address in brackets.
    var isAddress: Bool { address != nil }

    /// 4 or 16 bytes.
    private var address: [UInt8]? {
        let isBracketed = text.utf8.first == UInt8(ascii: "[") && text.utf8.last == UInt8(ascii: "]")
        let literal = isBracketed ? String(text.dropFirst().dropLast()) : text
        var bytes = [UInt8](repeating: 0, count: isBracketed ? 16 : 4)
        return unsafe inet_pton(isBracketed ? AF_INET6 : AF_INET, literal, &bytes) == 1 ? bytes : nil
    }
}

/// A web origin as browsers write it: scheme, host and, unless it is the scheme's own, port (RFC 6454, section 6.2).
public struct WebOrigin: Hashable, Sendable {
    let text: String

    /// - Throws: ``BrowserRuleError`` for `*`, `null` and what no browser would send.
    public init(_ text: String) throws(BrowserRuleError) {
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
            guard rest.hasPrefix(":"), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !digits.hasPrefix("0"),
                let port = Int(digits), port <= 65_535
            else { throw .notAnOrigin }
            if port == (scheme == "http" ? 80 : 443) { throw .defaultPort }
        }
        self.text = lower
    }
}
