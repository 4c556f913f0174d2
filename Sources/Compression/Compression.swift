internal import CZlib

/// Undoes `coding` at once.
///
/// - Parameter limit: The most bytes that may come out; nothing beyond it is ever held.
/// - Throws: ``CompressionError``.
public func inflate(_ bytes: [UInt8], coding: InflaterCoding, limit: Int) throws(CompressionError) -> [UInt8] {
    var inflater = Inflater(coding: coding)
    var output: [UInt8] = []
    try inflater.inflate(bytes, into: &output, limit: limit)
    try inflater.finish()
    return output
}

/// Compresses `bytes` at once. The same bytes and level give the same result: a gzip header carries no time or name.
///
/// - Parameter level: 0 (stored) to 9 (smallest).
public func deflate(_ bytes: [UInt8], coding: Coding, level: Int = 6) -> [UInt8] {
    precondition((0...9).contains(level))
    var stream = unsafe z_stream()
    let windowBits: Int32 = coding == .gzip ? 15 + 16 : 15
    var code = unsafe deflateInit2_(
        &stream, Int32(level), Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    precondition(code == Z_OK, "zlib could not start: out of memory or another major version")
    defer { unsafe deflateEnd(&stream) }

    var output: [UInt8] = []
    unsafe bytes.withUnsafeBufferPointer { source in
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 14) { scratch in
            var position = 0
            repeat {
                // zlib counts in 32 bits.
                let available = min(source.count - position, 1 << 30)
                // zlib declares its input without const, but does not write to it.
                unsafe stream.next_in = source.baseAddress.map { unsafe UnsafeMutablePointer(mutating: $0 + position) }
                unsafe stream.avail_in = UInt32(available)
                unsafe stream.next_out = scratch.baseAddress
                unsafe stream.avail_out = UInt32(scratch.count)
                let isLast = position + available == source.count
                code = unsafe CZlib.deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                precondition(code == Z_OK || code == Z_STREAM_END)
                position += unsafe available - Int(stream.avail_in)
                let made = unsafe scratch.count - Int(stream.avail_out)
                unsafe output.append(contentsOf: UnsafeBufferPointer(rebasing: scratch[..<made]))
            } while code != Z_STREAM_END
        }
    }
    return output
}
