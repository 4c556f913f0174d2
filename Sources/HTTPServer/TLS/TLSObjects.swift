import COpenSSL
import Glibc

/// An object of OpenSSL's, freed when nothing refers to it any more.
@safe
final class OpenSSLObject: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer
    private let free: @Sendable (OpaquePointer) -> Void

    /// - Returns: nil when `pointer` is.
    init?(_ pointer: OpaquePointer?, free: @escaping @Sendable (OpaquePointer) -> Void) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
        unsafe self.free = free
    }

    deinit { unsafe free(pointer) }
}

/// OpenSSL's words for the first error of this thread's queue, which is emptied.
func takeOpenSSLError() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard let reason = unsafe ERR_reason_error_string(code) else { return "error \(code)" }
    return unsafe String(cString: reason)
}

/// A certificate.
struct TLSCertificate {
    let object: OpenSSLObject

    /// All certificates of a PEM file, at least one.
    /// - Throws: ``TLSError``.
    static func read(_ file: String) throws(TLSError) -> [TLSCertificate] {
        let pem = try PEMReader(try TLSFile.read(file))
        var certificates: [TLSCertificate] = []
        ERR_clear_error()
        while let object = unsafe OpenSSLObject(
            PEM_read_bio_X509(pem.bio.pointer, nil, nil, nil), free: { unsafe X509_free($0) })
        {
            certificates.append(TLSCertificate(object: object))
        }
        // The end of the file is an error like others, told apart by its reason.
        let last = ERR_peek_last_error()
        let isEnd = ERR_GET_REASON(last) == PEM_R_NO_START_LINE
        let reason = takeOpenSSLError()
        guard isEnd else { throw .badCertificate(file: file, reason: reason) }
        guard !certificates.isEmpty else { throw .noCertificate(file: file) }
        return certificates
    }

    /// Expiry of the certificate, in seconds since 1970.
    /// - Throws: ``TLSError``.
    func expiry(in file: String) throws(TLSError) -> Int {
        var time = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(X509_get0_notAfter(object.pointer), &time) == 1 else {
            throw .badCertificate(file: file, reason: takeOpenSSLError())
        }
        return unsafe timegm(&time)
    }

    /// The subject by RFC 4514, such as `CN=alice,O=Zoo`; control characters and separators in it are escaped.
    var subject: String {
        guard let bio = unsafe OpenSSLObject(BIO_new(BIO_s_mem()), free: { unsafe BIO_vfree($0) }) else { return "" }
        let name = unsafe X509_get_subject_name(object.pointer)
        guard unsafe X509_NAME_print_ex(bio.pointer, name, 0, COpenSSL_XN_FLAG_RFC4514) >= 0 else { return "" }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 256)
        while case let count = unsafe BIO_read(bio.pointer, &part, Int32(part.count)), count > 0 {
            text += part[..<Int(count)]
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A private key.
struct TLSPrivateKey {
    let object: OpenSSLObject

    /// - Throws: ``TLSError``.
    init(_ file: String) throws(TLSError) {
        var bytes = try TLSFile.readKey(file)
        defer { unsafe bytes.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) } }
        let pem = try PEMReader(bytes)
        ERR_clear_error()
        var wasAsked = false
        let key = unsafe withUnsafeMutablePointer(to: &wasAsked) { wasAsked in
            unsafe PEM_read_bio_PrivateKey(pem.bio.pointer, nil, refusePassphrase, wasAsked)
        }
        guard let object = unsafe OpenSSLObject(key, free: { unsafe EVP_PKEY_free($0) }) else {
            let reason = takeOpenSSLError()
            throw wasAsked ? .keyHasPassphrase(file: file) : .badKey(file: file, reason: reason)
        }
        self.object = object
    }
}

/// Notes that a key has a passphrase, and gives none.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _ wasAsked: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe wasAsked?.assumingMemoryBound(to: Bool.self).pointee = true
    return -1
}

/// Reader of PEM blocks, which keeps a copy of their text.
private struct PEMReader {
    let bio: OpenSSLObject

    init(_ bytes: [UInt8]) throws(TLSError) {
        // A secure memory BIO clears its bytes when it goes.
        guard let bio = unsafe OpenSSLObject(BIO_new(BIO_s_secmem()), free: { unsafe BIO_vfree($0) }) else {
            throw .library(call: "BIO_new", reason: takeOpenSSLError())
        }
        if !bytes.isEmpty, unsafe BIO_write(bio.pointer, bytes, Int32(bytes.count)) != Int32(bytes.count) {
            throw .library(call: "BIO_write", reason: takeOpenSSLError())
        }
        self.bio = bio
    }
}
