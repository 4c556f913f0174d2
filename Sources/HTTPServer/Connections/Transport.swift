import Glibc
import HTTPWire
import System

/// The bytes under a connection: a plain socket, or TLS over one.
///
/// Used only on the connection's queue. Nothing blocks.
protocol Transport: AnyObject, Sendable {
    /// Descriptor to wait on for reading and writing.
    var descriptor: Int32 { get }
    /// What is known of the connection; complete once bytes have been read, since a client's certificate is known only then.
    var info: ConnectionInfo { get }
    /// Readiness to wait for after a read that would block; TLS may have to write in order to read.
    var readInterest: Interest { get }
    /// Readiness to wait for after a write that would block; TLS may have to read in order to write.
    var writeInterest: Interest { get }
    /// Most bytes of a read, however large its buffer. A shorter one has found all there was.
    var longestRead: Int { get }
    /// Reads at most what `buffer` holds, which is at least 16 KiB.
    func read(into buffer: inout MutableSpan<UInt8>) -> TransportRead
    /// Sends at most all of `bytes`; `more` promises that others follow at once.
    func write(_ bytes: Span<UInt8>, more: Bool) -> TransportWrite
    /// Tells the peer that nothing more will come.
    /// - Returns: false when it would block: to be called again after ``writeInterest``.
    func finishWriting() -> Bool
    /// Resets the connection when it closes, so that the kernel does not go on offering what the peer does not take.
    func abandon()
}

/// Outcome of a read.
enum TransportRead {
    /// Number of bytes that were read, at least 1.
    case bytes(Int)
    /// The peer will send nothing more.
    case end
    case wouldBlock
    /// Plain bytes came where TLS was due. They, and an answer in plain bytes, follow.
    case unencrypted
    /// Nothing that follows can be understood, and the peer was told; `reason` is for the log.
    case refused(reason: String)
    case failed
}

/// Outcome of a write.
enum TransportWrite {
    /// Number of bytes that were taken, at least 1.
    case bytes(Int)
    case wouldBlock
    case failed
}

/// A connected TCP or Unix socket; closed when nothing refers to it any more.
final class SocketTransport: Transport {
    /// Bytes that the kernel takes of an answer ahead of what the client's window lets it send.
    private static let unsentBytesInKernel = 128 * 1024

    private let socket: Descriptor
    let info: ConnectionInfo

    var descriptor: Int32 { socket.number }
    var longestRead: Int { .max }
    var readInterest: Interest { .read }
    var writeInterest: Interest { .write }

    init(_ socket: consuming Descriptor, info: ConnectionInfo) {
        self.socket = socket
        self.info = info
        guard !info.isUnixSocket else { return }
        // Answers are written whole, so waiting for more would only delay them. It cannot fail on a TCP socket, and
        // one that the peer has reset fails at the first read.
        var on: Int32 = 1
        _ = unsafe setsockopt(
            self.socket.number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        // The kernel takes megabytes otherwise: memory that a slow reader would hold beside our buffer, and progress
        // that would show in lumps of a third of it. Where it is refused, there is only more of both.
        var unsent = Int32(Self.unsentBytesInKernel)
        _ = unsafe setsockopt(
            self.socket.number, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &unsent,
            socklen_t(MemoryLayout<Int32>.size))
    }

    func read(into buffer: inout MutableSpan<UInt8>) -> TransportRead {
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(socket.number, $0.baseAddress, $0.count, 0) }
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed
        }
    }

    enum Peek {
        case byte(UInt8)
        case end
        case wouldBlock
        case failed
    }

    /// The next byte, left where it is.
    func peek() -> Peek {
        var byte: UInt8 = 0
        while true {
            let count = unsafe recv(socket.number, &byte, 1, Int32(MSG_PEEK))
            if count > 0 { return .byte(byte) }
            if count == 0 { return .end }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed
        }
    }

    func write(_ bytes: Span<UInt8>, more: Bool) -> TransportWrite {
        let flags = Int32(MSG_NOSIGNAL) | (more ? Int32(MSG_MORE) : 0)
        while true {
            let count = unsafe bytes.withUnsafeBytes { unsafe send(socket.number, $0.baseAddress, $0.count, flags) }
            if count > 0 { return .bytes(count) }
            if count < 0, errno == EINTR { continue }
            return count < 0 && errno == EAGAIN ? .wouldBlock : .failed
        }
    }

    func finishWriting() -> Bool {
        // Fails only when the peer has already reset the connection, which the next read shows.
        _ = shutdown(socket.number, Int32(SHUT_WR))
        return true
    }

    func abandon() {
        var now = Glibc.linger(l_onoff: 1, l_linger: 0)
        // Without it the close is only a slower one.
        _ = unsafe setsockopt(
            socket.number, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}
