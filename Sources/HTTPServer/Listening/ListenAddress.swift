/// Address on which a server listens, as an operator writes it: `127.0.0.1:8080`, `[::1]:8080`, `*:8080`,
/// `localhost:8080`, `unix:/run/tusk.sock`, `fd:3`.
///
/// In what a server says that it listens on, names are resolved and port 0 is the port in use.
public enum ListenAddress: Hashable, Sendable, LosslessStringConvertible {
    /// `host` is a numeric address, a name (all its addresses are listened on), or `*`: all addresses of the machine,
    /// IPv6 and IPv4. `::` is all of IPv6 alone, and `0.0.0.0` all of IPv4. `port` 0 is any free one.
    case tcp(host: String, port: Int)
    /// A Unix socket in the file system.
    case unix(path: String)
    /// A listening socket that was open when the process began; it is never shut down, for others may share it.
    case inherited(descriptor: Int32)

    /// The address that `text` writes; nil when it has none of the forms. A port outside 0...65535 has the form, and is
    /// refused on listening.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst(5)
            guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
            self = .unix(path: String(path))
        } else if text.hasPrefix("fd:") {
            guard let number = Int32(text.dropFirst(3)), number >= 0 else { return nil }
            self = .inherited(descriptor: number)
        } else {
            guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else {
                return nil
            }
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = host.dropFirst().dropLast()
            } else if host.contains(":") {
                return nil  // an IPv6 address without brackets: where it ends is anyone's guess
            }
            guard !host.isEmpty else { return nil }
            self = .tcp(host: String(host), port: port)
        }
    }

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let descriptor): "fd:\(descriptor)"
        }
    }

    /// Whether the socket was there before this process.
    public var isInherited: Bool {
        if case .inherited = self { true } else { false }
    }

    /// The port, if it is a TCP address.
    public var port: Int? {
        if case .tcp(_, let port) = self { port } else { nil }
    }
}
