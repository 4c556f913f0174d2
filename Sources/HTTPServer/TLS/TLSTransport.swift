import COpenSSL
import Glibc
import HTTPWire
import System

/// TLS over a socket, the server's end (RFC 8446, RFC 5246), by OpenSSL.
///
/// The first byte tells a TLS record from plain HTTP. The handshake goes on inside ``read(into:)``; its deadline is that
/// of the first head. A read takes a whole record, so nothing decrypted waits inside OpenSSL while the socket is watched.
@safe
final class TLSTransport: Transport, @unchecked Sendable {
    private enum Mode {
        /// Nothing has come yet.
        case silent
        case handshake
        case encrypted
        /// Plain HTTP came: only its refusal is sent, as plain as it.
        case plain
        /// TLS failed; what still comes is only to be dropped.
        case failed
    }

    private let socket: SocketTransport
    private let connection: OpenSSLObject
    /// Context that OpenSSL's callbacks refer to, kept alive.
    private let context: TLSContext
    // Touched on the connection's queue only, which is what makes the class sendable.
    private var mode = Mode.silent
    private var isFinished = false
    /// Whether a record was begun that the socket has not taken whole.
    private var isWritePending = false
    private(set) var info: ConnectionInfo
    private(set) var readInterest = Interest.read
    private(set) var writeInterest = Interest.write

    var descriptor: Int32 { socket.descriptor }
    /// Most bytes of one record's content (RFC 8446, section 5.1).
    var longestRead: Int { 16_384 }

    /// - Returns: nil when there is no memory for another connection; `socket` is closed then.
    init?(_ socket: SocketTransport, context: TLSContext) {
        ERR_clear_error()
        guard let connection = unsafe OpenSSLObject(SSL_new(context.object.pointer), free: { unsafe SSL_free($0) }),
            let bio = unsafe SocketBIO.make(socket.descriptor)
        else { return nil }
        unsafe SSL_set_bio(connection.pointer, bio, bio)  // owns it from here on
        unsafe SSL_set_accept_state(connection.pointer)
        self.socket = socket
        self.connection = connection
        self.context = context
        info = socket.info
    }

    func read(into buffer: inout MutableSpan<UInt8>) -> TransportRead {
        precondition(buffer.count >= longestRead, "a buffer shorter than a record")
        switch mode {
        case .plain, .failed: return socket.read(into: &buffer)
        case .silent:
            switch socket.peek() {
            case .byte(let first):
                // A record of a handshake, or the two-byte length of an old hello, which OpenSSL refuses with an alert.
                guard first == 22 || first >= 128 else {
                    mode = .plain
                    return .unencrypted
                }
                mode = .handshake
            case .end: return .end
            case .wouldBlock: return .wouldBlock
            case .failed: return .failed
            }
        case .handshake, .encrypted: break
        }

        // A key update that comes meanwhile would make OpenSSL write another record in the middle of this one, which
        // fails the connection ("bad length", OpenSSL 3.0). A client that goes away shows without reading.
        guard !isWritePending else {
            readInterest = writeInterest
            return .wouldBlock
        }
        readInterest = .read
        var count = 0
        ERR_clear_error()
        let result = unsafe buffer.withUnsafeMutableBytes {
            unsafe SSL_read_ex(connection.pointer, $0.baseAddress, $0.count, &count)
        }
        let error = unsafe SSL_get_error(connection.pointer, result)
        noteHandshake()
        return result == 1 ? .bytes(count) : outcome(ofRead: error)
    }

    private func outcome(ofRead error: Int32) -> TransportRead {
        switch error {
        case SSL_ERROR_WANT_READ: return .wouldBlock
        case SSL_ERROR_WANT_WRITE:
            readInterest = .write
            return .wouldBlock
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_SSL where !isEncrypted && !wasCutOff:
            // OpenSSL has sent the alert that says why.
            mode = .failed
            return .refused(reason: takeOpenSSLError())
        default:
            // Also an end of input without close_notify: whoever cut the connection, the request may not be whole.
            mode = .failed
            return .failed
        }
    }

    /// Whether the last error of OpenSSL's is that the input ended.
    private var wasCutOff: Bool { ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING }

    private var isEncrypted: Bool { if case .encrypted = mode { true } else { false } }

    private func noteHandshake() {
        guard case .handshake = mode, unsafe SSL_is_init_finished(connection.pointer) == 1 else { return }
        mode = .encrypted
        info.isEncrypted = true
        let certificate = unsafe OpenSSLObject(
            SSL_get1_peer_certificate(connection.pointer), free: { unsafe X509_free($0) })
        info.clientSubject = certificate.map { TLSCertificate(object: $0).subject }
    }

    func write(_ bytes: Span<UInt8>, more: Bool) -> TransportWrite {
        switch mode {
        case .silent, .plain: return socket.write(bytes, more: more)
        case .failed: return .failed
        case .handshake, .encrypted: break
        }
        writeInterest = .write
        var count = 0
        ERR_clear_error()
        let result = unsafe bytes.withUnsafeBytes {
            unsafe SSL_write_ex(connection.pointer, $0.baseAddress, $0.count, &count)
        }
        isWritePending = false
        switch unsafe SSL_get_error(connection.pointer, result) {
        case SSL_ERROR_NONE: return .bytes(count)
        case SSL_ERROR_WANT_WRITE:
            isWritePending = true
            return .wouldBlock
        case SSL_ERROR_WANT_READ:
            writeInterest = .read
            return .wouldBlock
        default:
            mode = .failed
            return .failed
        }
    }

    /// Sends close_notify, then closes our side of the socket.
    func finishWriting() -> Bool {
        if isEncrypted, !isFinished {
            ERR_clear_error()
            let result = unsafe SSL_shutdown(connection.pointer)
            if result < 0, unsafe SSL_get_error(connection.pointer, result) == SSL_ERROR_WANT_WRITE {
                writeInterest = .write
                return false
            }
        }
        isFinished = true
        return socket.finishWriting()
    }

    func abandon() {
        socket.abandon()
    }
}

/// The transport of an accepted connection: TLS where there are credentials, but not over a Unix socket.
/// - Returns: nil when there is no memory for another connection.
func makeTransport(
    _ descriptor: consuming Descriptor, info: ConnectionInfo, tls: TLSCredentials?
) -> (any Transport)? {
    let socket = SocketTransport(descriptor, info: info)
    guard let tls, !info.isUnixSocket else { return socket }
    return TLSTransport(socket, context: tls.current)
}
