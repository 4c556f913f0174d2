import COpenSSL
import Synchronization

/// How a client shakes hands.
package struct TLSClientOptions: Sendable {
    /// `TLS1_2_VERSION` and the like.
    package var versions: ClosedRange<Int32> = TLS1_2_VERSION...TLS1_3_VERSION
    /// OpenSSL's names; nil for all it has, also the weak ones.
    package var suites: String?
    package var suites13: String?
    package var groups: String?
    package var protocols: [String] = []
    package var identity: TestIdentity?
    package var resumed: TLSClientSession.Resumption?
    package var takesTickets = true

    package init(_ change: (inout Self) -> Void = { _ in }) { change(&self) }

    package static let tls12 = TLSClientOptions { $0.versions = TLS1_2_VERSION...TLS1_2_VERSION }
    package static let tls13 = TLSClientOptions { $0.versions = TLS1_3_VERSION...TLS1_3_VERSION }
}

package enum TLSClientError: Error, Equatable {
    /// The handshake or the connection failed, in OpenSSL's words: a server's alert, for example.
    case failed(String)
}

/// The client's end of TLS between bytes and bytes, without a socket. It verifies nothing.
@safe
package final class TLSClientSession: Sendable {
    package enum Decrypted {
        case bytes([UInt8])
        /// close_notify came.
        case ended
        case wantsInput
    }

    /// What a later connection resumes with.
    @safe
    package final class Resumption: Sendable {
        nonisolated(unsafe) fileprivate let session: OpaquePointer
        fileprivate init(_ session: OpaquePointer) { unsafe self.session = session }
        deinit { unsafe SSL_SESSION_free(session) }

        /// The ticket, as the server sealed it; empty without one.
        package var ticket: [UInt8] {
            var bytes: UnsafePointer<UInt8>?
            var count = 0
            unsafe SSL_SESSION_get0_ticket(session, &bytes, &count)
            return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
        }
        /// Seconds that the server gave the ticket.
        package var lifetime: UInt { unsafe SSL_SESSION_get_ticket_lifetime_hint(session) }
    }

    nonisolated(unsafe) private let connection: OpaquePointer
    nonisolated(unsafe) private let input: OpaquePointer
    nonisolated(unsafe) private let output: OpaquePointer
    private let turn = Mutex(())

    package init(_ options: TLSClientOptions) throws {
        ERR_clear_error()
        let context = unsafe SSL_CTX_new(TLS_client_method())
        defer { unsafe SSL_CTX_free(context) }
        unsafe SSL_CTX_set_security_level(context, 0)
        var isSet = unsafe SSL_CTX_set_cipher_list(context, options.suites ?? "ALL:COMPLEMENTOFALL") == 1
        if let suites = options.suites13 { isSet = unsafe isSet && SSL_CTX_set_ciphersuites(context, suites) == 1 }
        let (oldest, newest) = (Int(options.versions.lowerBound), Int(options.versions.upperBound))
        isSet =
            unsafe isSet && SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, oldest, nil) == 1
            && SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, newest, nil) == 1
        if let groups = options.groups {
            var names = Array(groups.utf8CString)
            isSet = unsafe isSet && SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, &names) == 1
        }
        if !options.takesTickets { _ = unsafe SSL_CTX_set_options(context, COpenSSL_OP_NO_TICKET) }
        if let identity = options.identity {
            isSet =
                unsafe isSet && SSL_CTX_use_certificate(context, identity.certificate) == 1
                && SSL_CTX_use_PrivateKey(context, identity.privateKey) == 1
        }
        let names = options.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        isSet = unsafe isSet && (names.isEmpty || SSL_CTX_set_alpn_protos(context, names, UInt32(names.count)) == 0)
        guard isSet, let connection = unsafe SSL_new(context), let input = unsafe BIO_new(BIO_s_mem()),
            let output = unsafe BIO_new(BIO_s_mem())
        else { throw TLSClientError.failed(Self.words()) }
        unsafe SSL_set_bio(connection, input, output)
        unsafe SSL_set_connect_state(connection)
        if let resumed = options.resumed, unsafe SSL_set_session(connection, resumed.session) != 1 {
            throw TLSClientError.failed(Self.words())
        }
        unsafe self.connection = connection
        unsafe self.input = input
        unsafe self.output = output
    }

    deinit { unsafe SSL_free(connection) }

    /// - Returns: whether the handshake is done.
    package func handshake() throws -> Bool {
        try turn.withLock { _ in
            ERR_clear_error()
            let result = unsafe SSL_do_handshake(connection)
            if result == 1 { return true }
            guard unsafe SSL_get_error(connection, result) == SSL_ERROR_WANT_READ else {
                throw TLSClientError.failed(Self.words())
            }
            return false
        }
    }

    /// What came from the server.
    package func feed(_ bytes: [UInt8]) {
        turn.withLock { _ in _ = unsafe BIO_write(input, bytes, Int32(bytes.count)) }
    }

    /// What is to be sent to the server.
    package func takeOutput() -> [UInt8] { turn.withLock { _ in drain() } }

    /// `bytes` as records.
    package func encrypt(_ bytes: [UInt8]) throws -> [UInt8] {
        try turn.withLock { _ in
            ERR_clear_error()
            var count = 0
            guard bytes.isEmpty || (unsafe SSL_write_ex(connection, bytes, bytes.count, &count)) == 1 else {
                throw TLSClientError.failed(Self.words())
            }
            return drain()
        }
    }

    package func decrypt(atMost limit: Int) throws -> Decrypted {
        try turn.withLock { _ in
            var buffer = [UInt8](repeating: 0, count: limit)
            var count = 0
            ERR_clear_error()
            let result = unsafe SSL_read_ex(connection, &buffer, limit, &count)
            if result == 1 { return .bytes(Array(buffer.prefix(count))) }
            switch unsafe SSL_get_error(connection, result) {
            case SSL_ERROR_WANT_READ: return .wantsInput
            case SSL_ERROR_ZERO_RETURN: return .ended
            default: throw TLSClientError.failed(Self.words())
            }
        }
    }

    package func closeNotify() -> [UInt8] {
        turn.withLock { _ in
            _ = unsafe SSL_shutdown(connection)
            return drain()
        }
    }

    /// New keys for what both sides send (RFC 8446, section 4.6.3).
    package func updateKeys() -> [UInt8] {
        turn.withLock { _ in
            _ = unsafe SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED)
            _ = unsafe SSL_do_handshake(connection)
            return drain()
        }
    }

    /// `TLSv1.3` and the like.
    package var version: String { unsafe String(cString: SSL_get_version(connection)) }
    package var suite: String { unsafe String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(connection))) }
    package var isResumed: Bool { unsafe SSL_session_reused(connection) == 1 }
    /// For later; with TLS 1.3 only after something was read.
    package var resumption: Resumption? {
        guard let session = unsafe SSL_get1_session(connection) else { return nil }
        return unsafe Resumption(session)
    }
    /// What ALPN chose.
    package var selectedProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(connection, &name, &length)
        guard let name = unsafe name else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }
    /// Common name of the server's certificate.
    package var serverName: String {
        let certificate = unsafe SSL_get1_peer_certificate(connection)
        defer { unsafe X509_free(certificate) }
        var text = [CChar](repeating: 0, count: 256)
        let name = unsafe X509_get_subject_name(certificate)
        guard unsafe X509_NAME_get_text_by_NID(name, NID_commonName, &text, Int32(text.count)) > 0 else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func drain() -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = unsafe BIO_read(output, &part, Int32(part.count)), count > 0 {
            bytes += part.prefix(Int(count))
        }
        return bytes
    }

    private static func words() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard let reason = unsafe ERR_reason_error_string(code) else { return "error \(code)" }
        return unsafe String(cString: reason)
    }
}
