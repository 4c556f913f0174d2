internal import Archives
internal import CLZ4
internal import CZstd

/// Coding that the buffers of a batch are compressed by, each on its own.
///
/// Source: Apache Arrow, *Columnar Format*, "Compression", and Message.fbs, `BodyCompression`.
enum ArrowCodec {
    /// A frame of LZ4 (*LZ4 Frame Format Description*, version 1.6).
    case lz4
    /// A frame of Zstandard (RFC 8878).
    case zstandard

    /// Nil for a batch that is not compressed.
    /// - Throws: ``ArchiveError/unsupported(feature:)`` for a coding that is not known.
    init?(_ batch: FlatTable) throws(ArchiveError) {
        guard let table = try batch.table(3) else { return nil }
        let (codec, method) = (try table.number(0, 1), try table.number(1, 1))
        guard method == 0 else { throw .unsupported(feature: "compression of something else than its buffers") }
        switch codec {
        case 0: self = .lz4
        case 1: self = .zstandard
        default: throw .unsupported(feature: "buffers compressed by coding number \(codec)")
        }
    }

    private var name: String { self == .lz4 ? "LZ4" : "Zstandard" }

    /// Unfolds a frame that `size` bytes come out of, which the caller knows to be few enough.
    /// - Throws: ``ArchiveError``; ``ArchiveError/damaged(reason:)`` where it is no frame, or gives more or fewer bytes.
    func unfolded(_ frame: [UInt8], to size: Int) throws(ArchiveError) -> [UInt8] {
        if frame.isEmpty { throw .damaged(reason: "a buffer ends before its \(name) frame") }
        var outcome = Outcome.damaged
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { room, count in
            unsafe frame.withUnsafeBytes { frame in
                let room = UnsafeMutableRawBufferPointer(room)
                (outcome, count) =
                    switch self {
                    case .lz4: unsafe Self.unfoldLZ4(frame, into: room)
                    case .zstandard: unsafe Self.unfoldZstandard(frame, into: room)
                    }
            }
        }
        switch outcome {
        case .done where bytes.count == size: return bytes
        case .done: throw .damaged(reason: "a buffer unfolds to fewer bytes than it says")
        case .more: throw .damaged(reason: "a buffer unfolds to more bytes than it says")
        case .cut: throw .damaged(reason: "a buffer ends before its \(name) frame")
        case .trailing: throw .damaged(reason: "a buffer has bytes behind its \(name) frame")
        case .damaged: throw .damaged(reason: "a buffer is no sound \(name) frame")
        }
    }

    private enum Outcome {
        /// All was unfolded, to as many bytes as there were room for or fewer.
        case done
        /// There is more than room for it.
        case more
        /// The frame goes on behind its last byte.
        case cut
        /// The frame ends before the last byte.
        case trailing
        case damaged
    }

    private static func unfoldLZ4(
        _ frame: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
    ) -> (Outcome, Int) {
        var context: OpaquePointer?
        let made = unsafe LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        precondition(LZ4F_isError(made) == 0, "LZ4 could not start: out of memory or another major version")
        defer { unsafe LZ4F_freeDecompressionContext(context) }
        var (read, written) = (0, 0)
        // room for a byte more shows whether there is more, without keeping it
        return unsafe withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { beyond in
            while true {
                let isFull = written == room.count
                var taken = frame.count - read
                var made = isFull ? 1 : room.count - written
                let target = unsafe isFull ? beyond.baseAddress! : room.baseAddress! + written
                let source = unsafe frame.baseAddress.map { unsafe $0 + read }
                let hint = unsafe LZ4F_decompress(context, target, &made, source, &taken, nil)
                if LZ4F_isError(hint) != 0 { return (.damaged, written) }
                read += taken
                if isFull, made > 0 { return (.more, written) }
                written += made
                if hint == 0 { return (read < frame.count ? .trailing : .done, written) }
                if taken == 0, made == 0 { return (.cut, written) }
            }
        }
    }

    private static func unfoldZstandard(
        _ frame: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
    ) -> (Outcome, Int) {
        let first = unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
        if ZSTD_isError(first) == 0, first < frame.count { return (.trailing, 0) }
        let made = unsafe ZSTD_decompress(room.baseAddress, room.count, frame.baseAddress, frame.count)
        guard ZSTD_isError(made) != 0 else { return (.done, made) }
        return switch ZSTD_getErrorCode(made) {
        case ZSTD_error_dstSize_tooSmall: (.more, 0)
        case ZSTD_error_srcSize_wrong: (.cut, 0)
        default: (.damaged, 0)
        }
    }
}

/// Buffer that is compressed, and unfolded when it is first asked for.
final class FoldedBuffer {
    private let codec: ArrowCodec
    private let size: Int
    private let frame: () throws(ArchiveError) -> [UInt8]
    private var unfolded: [UInt8]?

    /// - Parameters:
    ///   - size: bytes that it unfolds to.
    ///   - frame: reads the compressed bytes.
    init(_ codec: ArrowCodec, size: Int, frame: @escaping () throws(ArchiveError) -> [UInt8]) {
        (self.codec, self.size, self.frame) = (codec, size, frame)
    }

    /// The `count` bytes at `place`, which the caller knows to be inside.
    func bytes(_ place: Int, _ count: Int) throws(ArchiveError) -> [UInt8] {
        let all = if let unfolded { unfolded } else { try codec.unfolded(frame(), to: size) }
        unfolded = all
        return Array(all[place..<place + count])
    }
}
