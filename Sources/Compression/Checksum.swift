import CZlib

/// CRC-32 (ISO 3309, as in gzip) of `bytes`, continuing `checksum`, that of what came before them.
package func crc32(_ bytes: RawSpan, continuing checksum: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBytes { bytes in
        let start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
        return UInt32(truncatingIfNeeded: unsafe crc32_z(UInt(checksum), start, bytes.count))
    }
}
