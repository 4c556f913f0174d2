import Compression

extension ByteReader {
    /// A reader of the next `count` bytes of this one, which it takes them from.
    package func part(_ count: Int) -> ByteReader {
        var left = count
        return ByteReader { () throws(ArchiveError) in
            guard left > 0 else { return [] }
            let bytes = try self.some(min(left, Self.pieceBytes))
            if bytes.isEmpty { throw .truncated }
            left -= bytes.count
            return bytes
        }
    }

    /// A reader of what this one's bytes unfold to. A part of the input is unfolded at a time, which gives some 1,032 times as many bytes
    /// at most (zlib, Technical Details).
    func inflated(_ coding: InflaterCoding) -> ByteReader {
        let inflater = InflaterBox(coding)
        var isDone = false
        return ByteReader { () throws(ArchiveError) in
            var output: [UInt8] = []
            while output.isEmpty, !isDone {
                let input = try self.some(Self.foldedBytes)
                isDone = input.isEmpty
                do throws(CompressionError) {
                    if isDone { try inflater.inflater.finish() }
                    try inflater.inflater.inflate(input, into: &output, limit: 2048 * Self.foldedBytes)
                } catch {
                    throw ArchiveError(error)
                }
            }
            return output
        }
    }

    /// A reader of what a stream of raw deflate unfolds to, which takes no bytes behind the stream's end.
    func inflatedToEnd() -> ByteReader {
        let inflater = InflaterBox(.raw)
        var isDone = false
        return ByteReader { () throws(ArchiveError) in
            var output: [UInt8] = []
            while output.isEmpty, !isDone {
                let input = Array(try self.peek().prefix(Self.foldedBytes))
                if input.isEmpty { throw .truncated }
                let used: Int
                do throws(CompressionError) {
                    (used, isDone) = try inflater.inflater.inflate(
                        upToEndIn: input, into: &output, limit: 2048 * Self.foldedBytes)
                } catch {
                    throw ArchiveError(error)
                }
                try self.skip(used)
            }
            return output
        }
    }

    /// A reader of what gzip's bytes unfold to (RFC 1952), of one member or several; zeros behind them, as blocks of tapes have, are
    /// passed over.
    /// - Parameter limits: of the ratio of unpacked bytes to packed ones.
    package func gunzipped(_ limits: ArchiveLimits = ArchiveLimits()) -> ByteReader {
        var (packed, unpacked) = (0, 0)
        let counted = ByteReader { () throws(ArchiveError) in
            let bytes = try self.some(Self.foldedBytes)
            packed += bytes.count
            return bytes
        }
        let unfolded = counted.inflated(.gzipFile)
        return ByteReader { () throws(ArchiveError) in
            let bytes = try unfolded.some(Self.pieceBytes)
            unpacked += bytes.count
            try limits.checkRatio(unpacked: unpacked, packed: packed)
            return bytes
        }
    }

    /// Bytes that are unfolded at once.
    private static let foldedBytes = 4 << 10

    /// A reader of the same bytes that throws where they are more than `limit` in all.
    /// - Parameter quantity: what they are, in the error.
    package func limited(to limit: Int, _ quantity: String) -> ByteReader {
        var left = limit
        return ByteReader { () throws(ArchiveError) in
            let bytes = try self.some(Self.pieceBytes)
            left -= bytes.count
            if left < 0 { throw .tooLarge(quantity: quantity, limit: limit) }
            return bytes
        }
    }
}

extension ArchiveError {
    fileprivate init(_ error: CompressionError) {
        switch error {
        case .truncated: self = .truncated
        case .damaged(let reason): self = .damaged(reason: reason)
        case .trailingBytes: self = .damaged(reason: "bytes after the end of the compressed data")
        case .outputTooLarge(let limit): self = .tooLarge(quantity: "unpacked bytes", limit: limit)
        }
    }
}

/// An inflater that closures share.
private final class InflaterBox {
    var inflater: Inflater

    init(_ coding: InflaterCoding) { inflater = Inflater(coding: coding) }
}
