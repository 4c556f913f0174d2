import System

/// Reason why a server could not start to listen. The description is one line, fit for a terminal.
public enum HTTPListenError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing to listen on.
    case noAddress
    /// `host` is neither an address nor a name that resolves.
    case unknownHost(String)
    /// Another process listens there. A port counts as in use also while the system holds it for old connections.
    case addressInUse(ListenAddress)
    /// `host` is no address of this machine.
    case addressNotAvailable(host: String)
    /// A port below 1024 belongs to the system; a socket file needs a folder that may be written.
    case permissionDenied(ListenAddress)
    /// `port` is not in 0...65535.
    case invalidPort(Int)
    /// The path of a Unix socket has more than `limit` bytes.
    case pathTooLong(path: String, limit: Int)
    /// What stands at `path` is no socket, and is left alone.
    case notASocketFile(path: String)
    /// A socket file could not be made, by the `errno`.
    case cannotCreate(path: String, code: Int32)
    /// `descriptor` is not open.
    case badDescriptor(Int32)
    /// `descriptor` is open, but no stream socket that listens.
    case notListening(Int32)
    /// The server was started before.
    case alreadyStarted
    /// Any other failure of `call`, by its `errno`.
    case system(call: String, code: Int32)

    public var description: String {
        switch self {
        case .noAddress: "there is no address to listen on"
        case .unknownHost(let host): "host \(host) is neither an address nor a name that resolves"
        case .addressInUse(.tcp(let host, let port)): "port \(port) of \(host) is in use"
        case .addressInUse(let address): "\(address) is in use"
        case .addressNotAvailable(let host): "host \(host) is no address of this machine"
        case .permissionDenied(.tcp(_, let port)): "no permission to listen on port \(port)"
        case .permissionDenied(let address): "no permission to listen on \(address)"
        case .invalidPort(let port): "port \(port) is not between 0 and 65535"
        case .pathTooLong(let path, let limit):
            "the path of a socket has \(path.utf8.count) bytes and may have \(limit): \(path)"
        case .notASocketFile(let path): "\(path) exists and is no socket"
        case .cannotCreate(let path, let code): "cannot make the socket \(path): \(SystemError(code))"
        case .badDescriptor(let descriptor): "descriptor \(descriptor) is not open"
        case .notListening(let descriptor): "descriptor \(descriptor) is no stream socket that listens"
        case .alreadyStarted: "the server was started before"
        case .system(let call, let code): "\(call) failed: \(SystemError(code))"
        }
    }
}
