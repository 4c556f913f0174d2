import COpenSSL

/// Digest of bytes by SHA-256 (FIPS 180-4), computed by OpenSSL.
///
/// The low-level functions: those of `EVP_MD` allocate a context for every digest (OpenSSL 3.0).
package struct SHA256 {
    private var context = SHA256_CTX()

    /// A digest of no bytes yet.
    package init() {
        unsafe SHA256_Init(&context)
    }

    /// Adds `bytes` to those that the digest is of.
    package mutating func update(_ bytes: Span<UInt8>) { unsafe update(bytes.bytes) }

    /// Adds `bytes` to those that the digest is of.
    package mutating func update(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes {
            _ = unsafe SHA256_Update(&context, $0.baseAddress, $0.count)
        }
    }

    /// Writes the digest of all bytes so far, 32 bytes; the value is not to be used after it.
    package mutating func finish(into digest: inout [UInt8]) {
        precondition(digest.count == 32)
        unsafe digest.withUnsafeMutableBufferPointer {
            _ = unsafe SHA256_Final($0.baseAddress, &context)
        }
    }

    /// Digest of `bytes`, 32 bytes.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes.span)
        var digest = [UInt8](repeating: 0, count: 32)
        hash.finish(into: &digest)
        return digest
    }

    /// Returns the digest of all bytes so far, 64 hexadecimal digits in lower case; the value is not to be used after it.
    package mutating func hex() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        finish(into: &digest)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Digest of `bytes`, 64 hexadecimal digits in lower case.
    package static func hex(_ bytes: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(bytes.span)
        return hash.hex()
    }
}
