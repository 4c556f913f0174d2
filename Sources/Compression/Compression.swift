/// Decompresses all of `bytes` at once.
///
/// - Parameter limit: Most bytes that may come out; nothing beyond it is ever held.
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
    var deflater = Deflater(DeflateState(coding: coding, level: level, windowBits: 15, memoryLevel: 8))
    var output: [UInt8] = []
    deflater.deflate(bytes, into: &output, flush: .finish)
    return output
}
