import HTTPServer
import TestSupport

/// Runs `body` against a server that speaks TLS with `identity`, and stops it.
func withTLSServer(
    _ identity: TestIdentity = .server, clientCA: TestIdentity? = nil, handler: TestHandler = TestHandler(),
    tls change: (inout TLSConfiguration) -> Void = { _ in },
    configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    _ body: (_ port: Int, _ server: HTTPServer, _ files: TLSFolder) async throws -> Void
) async throws {
    let files = try TLSFolder()
    try files.write(identity)
    if let clientCA { try files.write(clientCA.certificatePEM, "ca.pem") }
    let credentials = try files.credentials(clientCA: clientCA != nil, change)
    try await withServer(
        handler,
        configure: {
            $0.tls = credentials
            configure(&$0)
        }
    ) { port, server in
        try await body(port, server, files)
    }
}

extension TLSFolder {
    /// The credentials in `certificate.pem`, `key.pem` and `ca.pem`.
    func credentials(
        clientCA: Bool = false, _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> TLSCredentials {
        var configuration = TLSConfiguration(certificate: file("certificate.pem"), key: file("key.pem"))
        if clientCA { configuration.clientCA = file("ca.pem") }
        change(&configuration)
        return try TLSCredentials(configuration)
    }
}

extension TestIdentity {
    /// Made once: keys take a while.
    static let server = TestIdentity("localhost")
    static let rsaServer = TestIdentity("localhost", key: .rsa(bits: 2048))
    static let authority = TestIdentity("authority", isAuthority: true)
    static let alice = TestIdentity("alice", organization: "Zoo, the", issuer: authority)
    static let mallory = TestIdentity(
        "alice", organization: "Zoo, the", issuer: TestIdentity("other", isAuthority: true))
}

/// A client that has shaken hands.
func tlsClient(
    _ port: Int, _ options: TLSClientOptions = .init(), receiveBuffer: Int? = nil
) async throws -> (client: RawSocketClient, session: TLSClientSession) {
    let client = try RawSocketClient(port: port, receiveBuffer: receiveBuffer)
    return (client, try await client.startTLS(options))
}

/// A handshake of a client that goes away after it.
func shakeHands(_ port: Int, _ options: TLSClientOptions = .init()) async throws -> TLSClientSession {
    try await tlsClient(port, options).session
}
