import COpenSSL
import Glibc
import System

/// The client's end of TLS over a connected socket that does not block, and that the caller keeps open meanwhile.
///
/// It verifies no certificate and shows none, so anyone may be at the other end: for questions without a secret.
package struct UnverifiedTLSClient {
    /// Outcome of one call.
    package enum Step {
        /// Number of bytes that were moved, at least 1.
        case bytes(Int)
        /// The server will send nothing more.
        case end
        /// The call is to be repeated when the socket has something to read.
        case wantsInput
        /// The call is to be repeated when the socket takes something.
        case wantsOutput
        /// The server asked for a certificate, and went no further without.
        case certificateWanted
        /// The connection broke; `reason` is in words of OpenSSL's or the system's.
        case failed(reason: String)
    }

    private let connection: OpenSSLObject

    /// - Throws: ``TLSError/library(call:reason:)``.
    package init(_ descriptor: Int32) throws(TLSError) {
        ERR_clear_error()
        let context = unsafe SSL_CTX_new(TLS_client_method())
        defer { unsafe SSL_CTX_free(context) }
        guard let connection = unsafe OpenSSLObject(SSL_new(context), free: { unsafe SSL_free($0) }),
            let bio = unsafe SocketBIO.make(descriptor)
        else { throw .library(call: "SSL_new", reason: takeOpenSSLError()) }
        unsafe SSL_set_bio(connection.pointer, bio, bio)  // owns it from here on
        unsafe SSL_set_connect_state(connection.pointer)
        // Said, so that it does not hang on this machine's openssl.cnf.
        unsafe SSL_set_verify(connection.pointer, SSL_VERIFY_NONE, nil)
        // A call ends after each record that brings no bytes: a server that sends them for ever does not hold it.
        _ = unsafe SSL_ctrl(connection.pointer, SSL_CTRL_CLEAR_MODE, Int(SSL_MODE_AUTO_RETRY), nil)
        self.connection = connection
    }

    /// Sends all of `bytes`, which are the same when it is called again; shakes hands before the first.
    package func send(_ bytes: [UInt8]) -> Step {
        step { unsafe SSL_write_ex(connection.pointer, bytes, bytes.count, &$0) }
    }

    /// Reads at most what `buffer` holds; shakes hands before the first bytes.
    package func receive(into buffer: inout [UInt8]) -> Step {
        step { unsafe SSL_read_ex(connection.pointer, &buffer, buffer.count, &$0) }
    }

    private func step(_ call: (inout Int) -> Int32) -> Step {
        ERR_clear_error()
        var count = 0
        let result = call(&count)
        let code = errno
        switch unsafe SSL_get_error(connection.pointer, result) {
        case SSL_ERROR_NONE: return .bytes(count)
        case SSL_ERROR_ZERO_RETURN: return .end
        case SSL_ERROR_WANT_READ: return .wantsInput
        case SSL_ERROR_WANT_WRITE: return .wantsOutput
        case let error:
            // Who asks for a certificate says the authorities it may be of; in TLS 1.3 not everyone, but our service.
            guard unsafe SSL_get0_peer_CA_list(connection.pointer) == nil else { return .certificateWanted }
            return .failed(reason: error == SSL_ERROR_SYSCALL ? SystemError(code).description : takeOpenSSLError())
        }
    }
}
