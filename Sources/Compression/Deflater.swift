internal import CZlib

/// zlib's state for writing one coding, reused by ``StreamPool``.
///
/// Memory (zlib's `zconf.h`): `2^(windowBits + 2) + 2^(memoryLevel + 9)` bytes and about 6 KiB.
@safe
package final class DeflateState: @unchecked Sendable {
    // zlib keeps a pointer from its state back to the struct, so it must not move. One stream uses it at a time, hence
    // Sendable.
    fileprivate let stream: UnsafeMutablePointer<z_stream>

    init(coding: Coding, level: Int, windowBits: Int, memoryLevel: Int) {
        precondition((0...9).contains(level))
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe deflateInit2_(
            stream, Int32(level), Z_DEFLATED, Int32(windowBits + (coding == .gzip ? 16 : 0)), Int32(memoryLevel),
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib could not start: out of memory or another major version")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    fileprivate func reset() {
        let code = unsafe deflateReset(stream)
        precondition(code == Z_OK)
    }

    /// A pool of states for answers that are made while a client waits: level 4 and a window of 4 KiB, 38 KiB a stream.
    ///
    /// On the answers of this service a window of 32 KiB and level 6 save 2 to 5% more and need seven times the memory;
    /// to clear that takes longer than to compress a small answer (docs/measurements/2026-11-25-requests.md).
    package static func pool(_ coding: Coding, capacity: Int = 16) -> StreamPool<DeflateState> {
        StreamPool(capacity: capacity) {
            DeflateState(coding: coding, level: 4, windowBits: 12, memoryLevel: 5)
        }
    }

    private static let gzip = pool(.gzip)
    private static let deflate = pool(.deflate)

    /// The pool that the whole process shares.
    package static func shared(_ coding: Coding) -> StreamPool<DeflateState> {
        switch coding {
        case .gzip: gzip
        case .deflate: deflate
        }
    }
}

/// Compressor of bytes as they come. The same bytes, cut in the same way, give the same result.
package struct Deflater: ~Copyable, Sendable {
    /// How much of the bytes so far must be readable from what went out.
    package enum Flush {
        /// What came so far may wait for more.
        case none
        /// Everything that came so far can be read from what went out; costs some 5 bytes.
        case sync
        /// The stream ends.
        case finish

        fileprivate var code: Int32 {
            switch self {
            case .none: Z_NO_FLUSH
            case .sync: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        }
    }

    private let state: DeflateState
    private let pool: StreamPool<DeflateState>?
    private var ended = false

    /// A deflater whose state is used for its stream alone.
    init(_ state: DeflateState) {
        self.state = state
        pool = nil
    }

    /// Takes a state from `pool`, and gives it back in the end.
    package init(from pool: StreamPool<DeflateState>) {
        state = pool.take()
        state.reset()
        self.pool = pool
    }

    /// Takes a state from the process's pool, and gives it back in the end.
    package init(coding: Coding) { self.init(from: DeflateState.shared(coding)) }

    deinit { pool?.giveBack(state) }

    /// Appends to `output` what `input` becomes, as far as it is ready. After ``Flush/finish`` the stream is over.
    package mutating func deflate(_ input: [UInt8], into output: inout [UInt8], flush: Flush) {
        precondition(!ended)
        let stream = unsafe state.stream
        unsafe input.withUnsafeBufferPointer { source in
            unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 14) { scratch in
                var position = 0
                var isDone = false
                while !isDone {
                    // zlib counts in 32 bits.
                    let available = min(source.count - position, 1 << 30)
                    let isLast = position + available == source.count
                    // zlib declares its input without const, but does not write to it.
                    unsafe stream.pointee.next_in =
                        source.baseAddress.map { unsafe UnsafeMutablePointer(mutating: $0 + position) }
                    unsafe stream.pointee.avail_in = UInt32(available)
                    unsafe stream.pointee.next_out = scratch.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(scratch.count)
                    let code = unsafe CZlib.deflate(stream, isLast ? flush.code : Z_NO_FLUSH)
                    // Z_BUF_ERROR: nothing was left to do, which a flush after a full buffer meets.
                    precondition(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR)
                    position += unsafe available - Int(stream.pointee.avail_in)
                    let room = unsafe Int(stream.pointee.avail_out)
                    unsafe output.append(
                        contentsOf: UnsafeBufferPointer(rebasing: scratch[..<(scratch.count - room)]))
                    // A full buffer may hide more output.
                    isDone = flush == .finish ? code == Z_STREAM_END : position == source.count && room > 0
                }
                unsafe stream.pointee.next_in = nil
                unsafe stream.pointee.next_out = nil
            }
        }
        ended = flush == .finish
    }
}
