import Glibc

/// A host as it stands in an authority, in lower case and without the dot of the root.
public struct HostName: Hashable, Sendable {
    /// The host; an IPv6 address with its brackets.
    public let text: String

    /// The host that `text` names.
    /// - Throws: ``HostNameError`` unless `text` is a name or an address without a port.
    public init(_ text: String) throws(HostNameError) {
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
        else { throw HostNameError() }
        self = host
    }

    /// The host of an authority `host [ ":" port ]`, whatever it is.
    public init(ofAuthority authority: String) {
        // By bytes: it runs for every request.
        let bytes = authority.utf8
        let end =
            bytes.first == UInt8(ascii: "[")
            ? bytes.firstIndex(of: UInt8(ascii: "]")).map(bytes.index(after:)) : bytes.firstIndex(of: UInt8(ascii: ":"))
        let host = bytes[..<(end ?? bytes.endIndex)]
        text = Substring(host.last == UInt8(ascii: ".") ? host.dropLast() : host).lowercased()
    }

    /// Whether it is `localhost`, a name below it (RFC 6761, section 6.3), or an address of the loopback interface.
    public var isLoopback: Bool {
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

    /// Whether it is an IPv4 address, or an IPv6 address in brackets.
    public var isAddress: Bool { address != nil }

    /// The address, 4 or 16 bytes; nil for a name.
    private var address: [UInt8]? {
        let isBracketed = text.utf8.first == UInt8(ascii: "[") && text.utf8.last == UInt8(ascii: "]")
        let literal = isBracketed ? String(text.dropFirst().dropLast()) : text
        var bytes = [UInt8](repeating: 0, count: isBracketed ? 16 : 4)
        return unsafe inet_pton(isBracketed ? AF_INET6 : AF_INET, literal, &bytes) == 1 ? bytes : nil
    }
}

/// Refusal of a text that is no host name.
public struct HostNameError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Text that says what a host name is.
    public var description: String {
        "a host name is letters, digits, hyphens and dots, or an IP address, without a port"
    }
}
