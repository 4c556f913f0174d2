import System

/// Files and rules of a server that speaks TLS: what it shows, and what it asks of its clients.
public struct TLSConfiguration: Sendable {
    /// Version of TLS that can be the oldest one spoken; the newest is always 1.3.
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
    /// Oldest version of TLS that is spoken.
    public var minimumVersion = Version.tls12
    /// Most sessions of TLS 1.2 that are remembered for clients that take no tickets; the oldest go first.
    public var sessionCacheEntries = 4096

    /// Most bytes of each of the files.
    package static let fileBytes = 1 << 20

    /// A configuration that asks no certificate of clients.
    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// Reason why a certificate, a key or a list of authorities cannot be used. The description is one line, fit for a
/// terminal; it names files of this machine, so it is not for clients.
public enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `file` cannot be read, by its `errno`.
    case unreadable(file: String, code: Int32)
    /// `file` is a folder, a pipe or a device.
    case notAFile(String)
    /// `file` has more than `limit` bytes.
    case tooLarge(file: String, limit: Int)
    /// Others than its owner may read or change the key, by its `mode`.
    case exposedKey(file: String, mode: UInt32)
    /// The key belongs neither to the user of this process nor to root.
    case foreignKey(file: String, owner: UInt32)
    /// `file` holds no certificate.
    case noCertificate(file: String)
    /// A certificate of `file` cannot be read; `reason` is in OpenSSL's words.
    case badCertificate(file: String, reason: String)
    /// The key of `file` cannot be read; `reason` is in OpenSSL's words.
    case badKey(file: String, reason: String)
    /// The key of `file` needs a passphrase.
    case keyHasPassphrase(file: String)
    /// The key is not that of the certificate.
    case keyDoesNotFit(file: String)
    /// Any other failure of OpenSSL.
    case library(call: String, reason: String)

    /// The file that the error is about; nil when it is about none.
    public var file: String? {
        switch self {
        case .unreadable(let file, _), .notAFile(let file), .tooLarge(let file, _), .exposedKey(let file, _),
            .foreignKey(let file, _), .noCertificate(let file), .badCertificate(let file, _), .badKey(let file, _),
            .keyHasPassphrase(let file), .keyDoesNotFit(let file):
            file
        case .library: nil
        }
    }

    /// Text of what is wrong, without the file's name.
    public var explanation: String {
        switch self {
        case .unreadable(_, let code): "it cannot be read: \(SystemError(code))"
        case .notAFile: "it is not a regular file"
        case .tooLarge(_, let limit): "it is larger than \(limit) bytes"
        case .exposedKey(_, let mode):
            "the key's permissions are \(String(mode, radix: 8)), so others may read or change it; chmod 600"
        case .foreignKey(_, let owner): "the key belongs to user \(owner), neither to this one nor to root"
        case .noCertificate: "there is no PEM certificate in it"
        case .badCertificate(_, let reason): "the certificate cannot be used: \(reason)"
        case .badKey(_, let reason): "there is no usable PEM private key in it: \(reason)"
        case .keyHasPassphrase:
            "the key has a passphrase, which a service cannot ask for; remove it with openssl pkey"
        case .keyDoesNotFit: "it is not the key of the certificate"
        case .library(let call, let reason): "TLS: \(call) failed: \(reason)"
        }
    }

    public var description: String { file.map { "\($0): \(explanation)" } ?? explanation }
}
