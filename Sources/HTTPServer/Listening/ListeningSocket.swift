import Glibc
import HTTPWire
import System

/// A socket that listens. How the kinds come about: ListeningSocket+Opening.swift.
package final class ListeningSocket: Sendable {
    enum Accepted: ~Copyable {
        case connection(Descriptor, peer: String)
        /// None waits.
        case none
        /// The client went away before it was accepted, or a signal came: try the next.
        case again
        /// Out of descriptors or memory, by `errno`.
        case exhausted(Int32)
        /// The socket listens no more, by `errno`: another process that shares it has shut it down.
        case ended(Int32)
    }

    /// The file of a Unix socket that this process made.
    struct File: Sendable {
        var path: String
        var device: dev_t
        var node: ino_t
    }

    private let descriptor: Descriptor
    /// The address in use.
    package let address: ListenAddress
    /// Whether another process may share the socket, and accept what this one does not.
    let isInherited: Bool
    private let file: File?

    /// Number of the socket's descriptor.
    package var number: Int32 { descriptor.number }

    var isUnix: Bool {
        if case .unix = address { true } else { false }
    }

    /// Whether only programs of this machine can connect.
    private var isLoopback: Bool {
        if case .tcp(let host, _) = address { host == "::1" || host.hasPrefix("127.") } else { false }
    }

    /// What is known of a client. A socket without a file, which only an inherited one can be, lets everyone in, so it
    /// does not count as a Unix socket.
    func info(peer: String) -> ConnectionInfo {
        if case .unix(let path) = address {
            return ConnectionInfo(peer: "", isUnixSocket: !path.isEmpty && !path.hasPrefix("@"))
        }
        return ConnectionInfo(peer: peer, isLoopback: isLoopback)
    }

    init(_ descriptor: consuming Descriptor, address: ListenAddress, isInherited: Bool = false, file: File? = nil) {
        self.descriptor = descriptor
        self.address = address
        self.isInherited = isInherited
        self.file = file
    }

    /// Removes the file of a Unix socket, unless another process has put its own there.
    func removeFile() {
        guard let file else { return }
        var status = stat()
        guard unsafe lstat(file.path, &status) == 0, status.st_dev == file.device, status.st_ino == file.node
        else { return }
        // A file that cannot be removed is found stale by the next process that wants the path.
        _ = unsafe unlink(file.path)
    }

    /// Refuses connections from now on, ahead of the close, which is when the last owner lets go.
    package func stopListening() {
        // Shutting an inherited one down would stop it for every process that has it.
        guard !isInherited else { return }
        _ = shutdown(descriptor.number, Int32(SHUT_RDWR))
    }

    func accept() -> Accepted {
        var address = SocketAddress()
        let number = unsafe address.withMutablePointer { unsafe Glibc.accept(descriptor.number, $0, $1) }
        if number >= 0 {
            let accepted = Descriptor(number)
            // Unlike a listening socket's, these flags are not inherited.
            let ready = fcntl(number, F_SETFL, O_NONBLOCK) == 0 && fcntl(number, F_SETFD, FD_CLOEXEC) == 0
            guard ready else { return .again }
            // The kernel has just written the address, so it has a numeric form.
            return .connection(accepted, peer: isUnix ? "" : (try? address.numeric().host) ?? "")
        }
        switch errno {
        case EAGAIN: return .none
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(errno)
        case EINVAL, EBADF, ENOTSOCK, EOPNOTSUPP: return .ended(errno)
        // Linux also reports errors of the new connection here (accept(2)); they concern no other.
        default: return .again
        }
    }
}
