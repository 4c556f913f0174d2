internal import CZlib

/// CRC-32 (RFC 1952 §8; PNG, third edition, annex D) of `bytes`, continuing `checksum`, that of what came before them.
package func crc32(_ bytes: RawSpan, continuing checksum: UInt32 = 0) -> UInt32 {
    // Most of zlib counts in 32 bits; crc32_z does not.
    unsafe bytes.withUnsafeBytes { bytes in
        let crc = unsafe crc32_z(UInt(checksum), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        return UInt32(truncatingIfNeeded: crc)
    }
}
