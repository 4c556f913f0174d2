import ArgumentParser
import Glibc
import HTTPServer

/// Options that say whether `tusk serve` speaks TLS, and with what.
struct TLSArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Speak TLS, with this PEM certificate; intermediate certificates follow it in the file.",
            discussion: "SIGHUP reads the certificate, key and client CA again; open connections stay.",
            valueName: "file"))
    var tlsCertificate: String?

    @Option(
        help: ArgumentHelp(
            "The certificate's private key, PEM, without a passphrase; a file that others cannot read.",
            valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "Demand of every client a certificate that an authority in this PEM file has signed.", valueName: "file"))
    var clientCA: String?

    @Option(help: ArgumentHelp("The oldest version of TLS that is spoken: 1.2 or 1.3.", valueName: "version"))
    var tlsMinVersion = TLSConfiguration.Version.tls12

    @Option(
        help: ArgumentHelp(
            "TLS 1.2 sessions that are remembered for clients that take no tickets.", valueName: "n"))
    var tlsSessionCache: Int?

    func validate() throws {
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together.")
        }
        guard tlsCertificate != nil || clientCA == nil else {
            throw ValidationError("--client-ca needs --tls-certificate and --tls-key.")
        }
    }

    /// Reads the files; nil without a certificate.
    /// - Throws: ``ServiceFailure``, which says what is wrong; ``CommandError``.
    func credentials() throws -> TLSCredentials? {
        if let tlsSessionCache { try check("--tls-session-cache", tlsSessionCache, in: 1...1_000_000) }
        guard let tlsCertificate, let tlsKey else { return nil }
        var configuration = TLSConfiguration(certificate: tlsCertificate, key: tlsKey)
        configuration.clientCA = clientCA
        configuration.minimumVersion = tlsMinVersion
        if let tlsSessionCache { configuration.sessionCacheEntries = tlsSessionCache }
        do throws(TLSError) {
            return try TLSCredentials(configuration)
        } catch {
            throw ExitStatus.configuration.failure("\(error)")
        }
    }
}
