import COpenSSL
import Glibc
import HTTPWire
import System

/// State that the connections of one configuration share: certificate, key, authorities, ticket keys, remembered sessions.
/// Never changed; a reload makes another, so sessions and tickets of before it are not resumed after it.
@safe
final class TLSContext: Sendable {
    let object: OpenSSLObject
    /// Keys of session tickets, to which OpenSSL's callback refers without owning them.
    private let tickets = TLSTicketKeys()
    /// Earliest expiry of a certificate of the chain, in seconds since 1970.
    let expiry: Int

    /// Mozilla's "intermediate" configuration, version 5.7, without its finite-field key exchange, which costs much and
    /// serves nobody who speaks TLS 1.2 with AEAD suites: https://ssl-config.mozilla.org/guidelines/5.7.json
    private static let suites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")
    private static let suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    private static let groups = "X25519:P-256:P-384"
    /// OpenSSL's level of 112 bits: no RSA below 2048, no SHA-1, whatever this machine's openssl.cnf says.
    private static let securityLevel: Int32 = 2

    /// - Throws: ``TLSError``.
    init(_ configuration: TLSConfiguration) throws(TLSError) {
        // OpenSSL would clean up at exit, under the threads that still use it.
        guard OPENSSL_init_ssl(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1,
            let object = unsafe OpenSSLObject(SSL_CTX_new(TLS_server_method()), free: { unsafe SSL_CTX_free($0) })
        else { throw .library(call: "SSL_CTX_new", reason: takeOpenSSLError()) }
        self.object = object
        let chain = try TLSCertificate.read(configuration.certificate)
        var expiry = Int.max
        for certificate in chain { expiry = min(expiry, try certificate.expiry(in: configuration.certificate)) }
        self.expiry = expiry
        try setProtocol(configuration)
        try use(chain, try TLSPrivateKey(configuration.key), configuration)
        try setSessions(configuration)
        if let file = configuration.clientCA { try requireClients(of: try TLSCertificate.read(file)) }
    }

    private func setProtocol(_ configuration: TLSConfiguration) throws(TLSError) {
        let context = unsafe object.pointer
        unsafe SSL_CTX_set_security_level(context, Self.securityLevel)
        let version = configuration.minimumVersion == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION
        try require("min_proto_version") {
            unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(version), nil) == 1
        }
        try require("cipher_list") { unsafe SSL_CTX_set_cipher_list(context, Self.suites) == 1 }
        try require("ciphersuites") { unsafe SSL_CTX_set_ciphersuites(context, Self.suites13) == 1 }
        try require("groups_list") {
            var names = Array(Self.groups.utf8CString)
            return unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, &names) == 1
        }
        // Among these suites the client knows best what its processor is good at: no server preference.
        _ = unsafe SSL_CTX_set_options(context, COpenSSL_OP_NO_COMPRESSION | COpenSSL_OP_NO_RENEGOTIATION)
        // What waits to be written may move in memory and grow between two tries; idle connections keep no buffers;
        // only certificates of the file are sent.
        let mode =
            SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS
            | SSL_MODE_NO_AUTO_CHAIN
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(mode), nil)
        unsafe SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
    }

    private func use(
        _ chain: [TLSCertificate], _ key: TLSPrivateKey, _ configuration: TLSConfiguration
    ) throws(TLSError) {
        let context = unsafe object.pointer
        ERR_clear_error()
        guard unsafe X509_check_private_key(chain[0].object.pointer, key.object.pointer) == 1 else {
            ERR_clear_error()
            throw .keyDoesNotFit(file: configuration.key)
        }
        var isAccepted = unsafe SSL_CTX_use_certificate(context, chain[0].object.pointer) == 1
        for certificate in chain.dropFirst() where isAccepted {
            // 1: the context takes a reference of its own.
            isAccepted =
                unsafe SSL_CTX_ctrl(
                    context, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(certificate.object.pointer)) == 1
        }
        guard isAccepted else {
            throw .badCertificate(file: configuration.certificate, reason: takeOpenSSLError())
        }
        guard unsafe SSL_CTX_use_PrivateKey(context, key.object.pointer) == 1 else {
            throw .badKey(file: configuration.key, reason: takeOpenSSLError())
        }
    }

    private func setSessions(_ configuration: TLSConfiguration) throws(TLSError) {
        let context = unsafe object.pointer
        _ = unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_SERVER), nil)
        // 0 would mean no bound.
        _ = unsafe SSL_CTX_ctrl(
            context, SSL_CTRL_SET_SESS_CACHE_SIZE, max(configuration.sessionCacheEntries, 1), nil)
        _ = unsafe SSL_CTX_set_timeout(context, TLSTicketKeys.lifetimeSeconds)
        // Without a name sessions with client certificates are not resumed.
        let name = Array("tusk".utf8)
        try require("session_id_context") {
            unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count)) == 1
        }
        try require("ex_data") {
            unsafe SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(tickets).toOpaque()) == 1
        }
        try require("tlsext_ticket_key_evp_cb") {
            unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticketKey) == 1
        }
        try require("session_ticket_cb") {
            unsafe SSL_CTX_set_session_ticket_cb(context, limitTicket, nil, nil) == 1
        }
    }

    /// Demands a certificate of every client, which one of `authorities` signed, itself or through others.
    private func requireClients(of authorities: [TLSCertificate]) throws(TLSError) {
        let context = unsafe object.pointer
        let store = unsafe SSL_CTX_get_cert_store(context)
        for authority in authorities {
            try require("X509_STORE_add_cert") { unsafe X509_STORE_add_cert(store, authority.object.pointer) == 1 }
            try require("SSL_CTX_add_client_CA") {
                unsafe SSL_CTX_add_client_CA(context, authority.object.pointer) == 1
            }
        }
        // An intermediate authority in the file is trusted as it is, without its root.
        try require("X509_STORE_set_flags") { unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1 }
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    private func require(_ call: String, _ body: () -> Bool) throws(TLSError) {
        ERR_clear_error()
        guard body() else { throw .library(call: call, reason: takeOpenSSLError()) }
    }
}

/// ALPN (RFC 7301): `http/1.1`, or the handshake ends with no_application_protocol.
private let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, selected, selectedLength, offered, offeredLength, _ in
    guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredLength))
    var index = 0
    while index < list.count {
        let length = Int(unsafe list[index])
        let end = index + 1 + length
        guard length > 0, end <= list.count else { break }
        if unsafe list[(index + 1)..<end].elementsEqual("http/1.1".utf8) {
            unsafe selected?.pointee = offered + index + 1
            unsafe selectedLength?.pointee = UInt8(length)
            return SSL_TLSEXT_ERR_OK
        }
        index = end
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Bounds the life of a ticket of TLS 1.3: those of resumed sessions end when that of the first handshake does, so that no
/// chain of them outlives the proof of a client's certificate (RFC 8446, section 4.6.1). The end travels in the ticket:
/// SSL_CTX_set_session_ticket_cb(3).
private let limitTicket: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { connection, _ in
    let failed: Int32 = 0
    guard unsafe SSL_version(connection) == TLS1_3_VERSION else { return 1 }
    guard let session = unsafe SSL_get_session(connection) else { return failed }
    let now = time(nil)
    var data: UnsafeMutableRawPointer?
    var count = 0
    if unsafe SSL_session_reused(connection) == 1 {
        guard unsafe SSL_SESSION_get0_ticket_appdata(session, &data, &count) == 1, let data = unsafe data,
            count == MemoryLayout<Int>.size
        else { return failed }
        let end = unsafe data.loadUnaligned(as: Int.self)
        // 0 would be refused at once, and a clock that was set back must not add to it.
        let left = min(max(end - now, 1), TLSTicketKeys.lifetimeSeconds)
        return unsafe SSL_SESSION_set_timeout(session, left) == 1 ? 1 : failed
    }
    var end = now + TLSTicketKeys.lifetimeSeconds
    return unsafe Int32(SSL_SESSION_set1_ticket_appdata(session, &end, MemoryLayout<Int>.size))
}

/// The key of a ticket, to seal (`isSealing` 1) or to open: SSL_CTX_set_tlsext_ticket_key_evp_cb(3).
private let ticketKey:
    @convention(c) (
        OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?,
        Int32
    ) -> Int32 = { connection, name, iv, cipher, mac, isSealing in
        let failed: Int32 = -1
        guard let name = unsafe name, let iv = unsafe iv, let cipher = unsafe cipher, let mac = unsafe mac,
            let data = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), 0)
        else { return failed }
        let keys = unsafe Unmanaged<TLSTicketKeys>.fromOpaque(data).takeUnretainedValue()
        let now = monotonicNow()
        let nameBytes = unsafe UnsafeMutableBufferPointer(start: name, count: 16)
        if isSealing == 1 {
            guard let key = keys.current(at: now), unsafe RAND_bytes(iv, 16) == 1 else { return failed }
            for index in key.name.indices { unsafe nameBytes[index] = key.name[index] }
            return unsafe key.apply(iv: iv, cipher: cipher, mac: mac, sealing: true) ? 1 : failed
        }
        guard let (key, isOld) = unsafe keys.key(named: Array(nameBytes), at: now) else { return 0 }
        guard unsafe key.apply(iv: iv, cipher: cipher, mac: mac, sealing: false) else { return failed }
        // 2 asks for a new ticket: in 1.3 always, since one that is shown twice links connections (RFC 8446, appendix C.4).
        let isSpent = unsafe isOld || SSL_version(connection) == TLS1_3_VERSION
        return isSpent ? 2 : 1
    }
