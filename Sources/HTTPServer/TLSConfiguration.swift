/// What a server that speaks TLS shows, and what it asks of its clients.
public struct TLSConfiguration: Sendable {
    /// The oldest version of TLS that is spoken; the newest is always 1.3.
    public enum Version: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    /// PEM file: the server's certificate, then the intermediate ones that lead to its root.
    public var certificate: String
    /// PEM file: the private key of the certificate, without a passphrase.
    public var key: String
    /// PEM file: the authorities of client certificates. With it every client must show a certificate of theirs.
    public var clientCA: String?
    public var minimumVersion = Version.tls12
    /// Sessions of TLS 1.2 that are remembered for clients that take no tickets; the oldest go first.
    public var sessionCacheEntries = 4096

    /// Bytes of each of the files, at most.
    static let fileBytes = 1 << 20

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// Why a certificate, a key or a list of authorities cannot be used. The description is one line, fit for a terminal;
/// it names files of this machine, so it is not for clients.
public enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `file` cannot be read, by its `errno`.
    case unreadable(file: String, code: Int32)
    /// `file` is a folder, a pipe or a device.
    case notAFile(String)
    case tooLarge(file: String, limit: Int)
    /// Others than its owner may read or change the key, by its `mode`.
    case exposedKey(file: String, mode: UInt32)
    /// The key belongs neither to the user of this process nor to root.
    case foreignKey(file: String, owner: UInt32)
    case noCertificate(file: String)
    case badCertificate(file: String, reason: String)
    case badKey(file: String, reason: String)
    case keyHasPassphrase(file: String)
    /// The key is not that of the certificate.
    case keyDoesNotFit(key: String, certificate: String)
    /// Any other failure of OpenSSL.
    case library(call: String, reason: String)

    public var description: String {
        switch self {
        case .unreadable(let file, let code): "\(file): it cannot be read: \(systemErrorText(code))"
        case .notAFile(let file): "\(file): it is not a regular file"
        case .tooLarge(let file, let limit): "\(file): it is larger than \(limit) bytes"
        case .exposedKey(let file, let mode):
            "\(file): the key's permissions are \(String(mode, radix: 8)), so others may read or change it; chmod 600"
        case .foreignKey(let file, let owner): "\(file): the key belongs to user \(owner), not to this one or root"
        case .noCertificate(let file): "\(file): there is no PEM certificate in it"
        case .badCertificate(let file, let reason): "\(file): the certificate cannot be used: \(reason)"
        case .badKey(let file, let reason): "\(file): there is no usable PEM private key in it: \(reason)"
        case .keyHasPassphrase(let file):
            "\(file): the key has a passphrase, which a service cannot ask for; remove it with openssl pkey"
        case .keyDoesNotFit(let key, let certificate): "\(key): it is not the key of the certificate in \(certificate)"
        case .library(let call, let reason): "TLS: \(call) failed: \(reason)"
        }
    }
}
