import COpenSSL
import Glibc

/// A certificate with its key, made for a test.
@safe
package final class TestIdentity: Sendable {
    package enum Key: Sendable {
        case p256
        case rsa(bits: Int32)
    }

    nonisolated(unsafe) let certificate: OpaquePointer
    nonisolated(unsafe) let privateKey: OpaquePointer

    /// - Parameters:
    ///   - name: common name of the subject; `organization` stands beside it.
    ///   - issuer: who signs it; nil for itself.
    ///   - isAuthority: whether it may sign others.
    ///   - days: until it expires; negative when it has.
    package init(
        _ name: String, organization: String? = nil, issuer: TestIdentity? = nil, isAuthority: Bool = false,
        days: Int = 90, key: Key = .p256
    ) {
        let privateKey = unsafe Self.makeKey(key)
        guard let certificate = unsafe X509_new() else { preconditionFailure("no memory") }
        unsafe self.certificate = certificate
        unsafe self.privateKey = privateKey
        _ = unsafe X509_set_version(certificate, 2)  // counted from 0: X.509 v3
        var serial: Int64 = 0
        _ = unsafe withUnsafeMutableBytes(of: &serial) { unsafe RAND_bytes($0.baseAddress, 7) }
        _ = unsafe ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial & .max)
        _ = unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -366 * 86_400)
        _ = unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86_400)
        _ = unsafe X509_set_pubkey(certificate, privateKey)
        let subject = unsafe X509_get_subject_name(certificate)
        if let organization { unsafe Self.add("O", organization, to: subject) }
        unsafe Self.add("CN", name, to: subject)
        let signer = issuer ?? self
        _ = unsafe X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate))
        if isAuthority {
            let basic = unsafe X509V3_EXT_conf_nid(nil, nil, NID_basic_constraints, "critical,CA:TRUE")
            _ = unsafe X509_add_ext(certificate, basic, -1)
            unsafe X509_EXTENSION_free(basic)
        }
        precondition(unsafe X509_sign(certificate, signer.privateKey, EVP_sha256()) > 0, "it cannot be signed")
    }

    deinit {
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(privateKey)
    }

    package var certificatePEM: [UInt8] {
        unsafe Self.written { unsafe PEM_write_bio_X509($0, certificate) }
    }

    package var keyPEM: [UInt8] {
        unsafe Self.written { unsafe PEM_write_bio_PrivateKey($0, privateKey, nil, nil, 0, nil, nil) }
    }

    package func keyPEM(passphrase: String) -> [UInt8] {
        let secret = Array(passphrase.utf8)
        return unsafe Self.written {
            unsafe PEM_write_bio_PrivateKey(
                $0, privateKey, EVP_aes_128_cbc(), secret, Int32(secret.count), nil, nil)
        }
    }

    private static func makeKey(_ key: Key) -> OpaquePointer {
        let kind = if case .p256 = key { EVP_PKEY_EC } else { EVP_PKEY_RSA }
        let context = unsafe EVP_PKEY_CTX_new_id(kind, nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        _ = unsafe EVP_PKEY_keygen_init(context)
        switch key {
        case .p256: _ = unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1)
        case .rsa(let bits): _ = unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits)
        }
        var result: OpaquePointer?
        guard unsafe EVP_PKEY_keygen(context, &result) == 1, let made = unsafe result else {
            preconditionFailure("no key")
        }
        return unsafe made
    }

    private static func add(_ field: String, _ value: String, to name: OpaquePointer?) {
        _ = unsafe X509_NAME_add_entry_by_txt(
            name, field, MBSTRING_UTF8, Array(value.utf8), Int32(value.utf8.count), -1, 0)
    }

    private static func written(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
        let bio = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_vfree(bio) }
        precondition(unsafe write(bio) == 1, "it cannot be written")
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe BIO_read(bio, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(Int(count)))
    }
}

/// A temporary folder for certificates and keys; gone after the test.
package final class TLSFolder: Sendable {
    package let path: String

    package init() throws {
        var template = Array("/tmp/tusk-tls-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw RawSocketError.system(call: "mkdtemp", code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in ["certificate.pem", "key.pem", "ca.pem", "other.pem"] { unsafe unlink(file(name)) }
        unsafe rmdir(path)
    }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Replaces a file at once, as renewal programs do; `name` is one that ``deinit`` knows.
    package func write(_ bytes: [UInt8], _ name: String, mode: UInt32 = 0o600) throws {
        let part = file("\(name).new")
        let descriptor = unsafe open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw RawSocketError.system(call: "open", code: errno) }
        let count = unsafe Glibc.write(descriptor, bytes, bytes.count)
        let isWritten = count == bytes.count && fchmod(descriptor, mode) == 0
        close(descriptor)
        guard isWritten, unsafe rename(part, file(name)) == 0 else {
            throw RawSocketError.system(call: "write", code: errno)
        }
    }

    /// Writes `certificate.pem`, with the chain of `issuers` behind it, and `key.pem`.
    package func write(_ identity: TestIdentity, chain issuers: [TestIdentity] = []) throws {
        try write(identity.certificatePEM + issuers.flatMap(\.certificatePEM), "certificate.pem", mode: 0o644)
        try write(identity.keyPEM, "key.pem")
    }
}
