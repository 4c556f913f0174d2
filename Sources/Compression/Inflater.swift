internal import CZlib

/// Coding that can be written: `gzip` of RFC 1952, and `deflate` of RFC 9110 §8.4.1.2, which is the zlib format of RFC 1950.
public enum Coding: String, Sendable, CaseIterable {
    case gzip
    case deflate
}

/// Coding that can be read.
public enum InflaterCoding: Sendable, CaseIterable {
    /// `gzip` of RFC 1952, one member or several in a row.
    case gzip
    /// `gzip` in a file: zeros behind the last member are padding, as on tapes, which gzip(1) passes over too.
    case gzipFile
    /// zlib (RFC 1950) or, as some senders do (RFC 9110 §8.4.1.2), raw deflate (RFC 1951), told apart by the first two bytes.
    case deflate
    /// `gzip` or `deflate`, told apart by the first two bytes.
    case auto
    /// Raw deflate (RFC 1951), whatever its first bytes are, as ZIP archives have it.
    case raw
}

/// zlib's state for reading, reused by ``StreamPool``: about 7 KiB, and the window of 32 KiB once it was needed.
@safe
package final class InflateState: @unchecked Sendable {
    // zlib keeps a pointer from its state back to the struct, so it must not move. One stream uses it at a time, hence
    // Sendable.
    fileprivate let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // Window bits + 32 would let zlib tell gzip from zlib, but not raw deflate: ``Inflater`` looks itself.
        let code = unsafe inflateInit2_(stream, 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib could not start: out of memory or another major version")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// A pool of such states, of which at most `capacity` are kept while nobody uses them.
    package static func pool(capacity: Int) -> StreamPool<InflateState> {
        StreamPool(capacity: capacity) { InflateState() }
    }

    /// The pool that the whole process shares.
    package static let shared = pool(capacity: 16)
}

/// Decompressor of gzip or deflate for bytes that arrive in pieces.
///
/// Feed pieces to ``inflate(_:into:limit:)`` and call ``finish()`` after the last one: without it a stream that was
/// cut off looks like a short one. After an error the inflater is of no further use; every later call throws it again.
@safe
public struct Inflater: ~Copyable, Sendable {
    private let state: InflateState
    private let pool: StreamPool<InflateState>
    private let coding: InflaterCoding
    private var phase = Phase.start(held: [])

    private var stream: UnsafeMutablePointer<z_stream> { unsafe state.stream }

    private enum Phase {
        /// Fewer than the two bytes that tell the format have come.
        case start(held: [UInt8])
        case running(gzip: Bool)
        /// The end mark was read and nothing follows so far.
        case ended(gzip: Bool)
        /// Zeros follow the last member of a file.
        case padding
        case failed(CompressionError)
    }

    /// An inflater with a state of the process's pool, which gets it back in the end.
    public init(coding: InflaterCoding) { self.init(coding: coding, from: InflateState.shared) }

    /// Takes a state from `pool`, and gives it back in the end.
    package init(coding: InflaterCoding, from pool: StreamPool<InflateState>) {
        self.coding = coding
        self.pool = pool
        // ``open(_:_:)`` resets it.
        state = pool.take()
    }

    deinit { pool.giveBack(state) }

    /// Decompresses `input` and appends the result to `output`.
    ///
    /// - Parameter limit: Most bytes that this call may append. It stops there, before anything more is decompressed, so
    ///   the memory used never depends on what the input claims.
    /// - Throws: ``CompressionError``.
    public mutating func inflate(
        _ input: [UInt8], into output: inout [UInt8], limit: Int
    ) throws(CompressionError) {
        _ = try inflate(input, into: &output, limit: limit, stopsAtEnd: false)
    }

    /// Decompresses `input` as far as the end of the stream, of which it need not be a part to its last byte.
    ///
    /// - Parameter limit: as of ``inflate(_:into:limit:)``.
    /// - Returns: how many bytes of `input` belong to the stream, and whether they are its last.
    /// - Throws: ``CompressionError``.
    package mutating func inflate(
        upToEndIn input: [UInt8], into output: inout [UInt8], limit: Int
    ) throws(CompressionError) -> (used: Int, hasEnded: Bool) {
        let used = try inflate(input, into: &output, limit: limit, stopsAtEnd: true)
        if case .ended = phase { return (used, true) }
        return (used, false)
    }

    private mutating func inflate(
        _ input: [UInt8], into output: inout [UInt8], limit: Int, stopsAtEnd: Bool
    ) throws(CompressionError) -> Int {
        precondition(limit >= 0)
        if case .failed(let error) = phase { throw error }
        do throws(CompressionError) {
            return try advance(input, into: &output, limit: limit, stopsAtEnd: stopsAtEnd)
        } catch {
            phase = .failed(error)
            throw error
        }
    }

    /// Confirms that the stream was complete.
    /// - Throws: ``CompressionError/truncated``, or the error that came before.
    public func finish() throws(CompressionError) {
        switch phase {
        case .start, .running: throw .truncated
        case .ended, .padding: return
        case .failed(let error): throw error
        }
    }

    /// Returns how many bytes of `input` were used: all of it, or those of the stream where that is where to stop.
    private mutating func advance(
        _ input: [UInt8], into output: inout [UInt8], limit: Int, stopsAtEnd: Bool
    ) throws(CompressionError) -> Int {
        var input = input
        var heldBytes = 0
        if case .start(var held) = phase {
            heldBytes = held.count
            held += input
            guard held.count >= 2 else {
                phase = .start(held: held)
                return input.count
            }
            input = held
            open(held[0], held[1])
        }
        let end = output.count + limit
        var position = 0
        while position < input.count {
            if case .ended = phase, stopsAtEnd { break }
            switch phase {
            case .running(let gzip):
                position = try run(input, from: position, gzip: gzip, into: &output, end: end, limit: limit)
            case .ended(gzip: true) where coding == .gzipFile && input[position] == 0: phase = .padding
            case .padding:
                guard input[position...].allSatisfy({ $0 == 0 }) else { throw .trailingBytes }
                position = input.count
            case .ended(gzip: true):
                // RFC 1952 §2.2: a file is a series of members.
                let code = unsafe inflateReset(stream)
                precondition(code == Z_OK)
                phase = .running(gzip: true)
            case .ended(gzip: false): throw .trailingBytes
            case .start, .failed: preconditionFailure("handled above")
            }
        }
        return position - heldBytes
    }

    /// Chooses the format from its first two bytes.
    private mutating func open(_ first: UInt8, _ second: UInt8) {
        let isGzip =
            switch coding {
            case .gzip, .gzipFile: true
            case .deflate, .raw: false
            case .auto: first == 0x1f && second == 0x8b
            }
        // RFC 1950 §2.2: method 8, a window of at most 32 KiB, and a header that is a multiple of 31.
        let isZlib =
            coding != .raw && first & 0x0f == 8 && first >> 4 <= 7 && (Int(first) << 8 | Int(second)) % 31 == 0
        let code = unsafe inflateReset2(stream, isGzip ? 15 + 16 : isZlib ? 15 : -15)
        precondition(code == Z_OK)
        phase = .running(gzip: isGzip)
    }

    /// Decompresses `input` from `start` until it is used up or the stream ends; returns the position that it came to.
    private mutating func run(
        _ input: [UInt8], from start: Int, gzip: Bool, into output: inout [UInt8], end: Int, limit: Int
    ) throws(CompressionError) -> Int {
        let step = 1 << 14
        var position = start
        while true {
            // zlib counts in 32 bits.
            let available = min(input.count - position, 1 << 30)
            // One byte of room beyond the limit shows whether there is more, without keeping it.
            let room = min(step, end - output.count + 1)
            var code = Z_OK
            var used = 0
            var made = 0
            var filled = false
            unsafe input.withUnsafeBufferPointer { source in
                unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { scratch in
                    // zlib declares its input without const, but does not write to it.
                    unsafe stream.pointee.next_in =
                        source.baseAddress.map { unsafe UnsafeMutablePointer(mutating: $0 + position) }
                    unsafe stream.pointee.avail_in = UInt32(available)
                    unsafe stream.pointee.next_out = scratch.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(room)
                    code = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
                    used = unsafe available - Int(stream.pointee.avail_in)
                    made = unsafe room - Int(stream.pointee.avail_out)
                    filled = made == room
                    unsafe stream.pointee.next_in = nil
                    unsafe stream.pointee.next_out = nil
                    let kept = min(made, end - output.count)
                    unsafe output.append(contentsOf: UnsafeBufferPointer(rebasing: scratch[..<kept]))
                    made -= kept
                }
            }
            position += used
            if made > 0 { throw .outputTooLarge(limit: limit) }
            switch code {
            case Z_STREAM_END:
                phase = .ended(gzip: gzip)
                return position
            // A full buffer may hide more output; otherwise zlib stops only when it has used all input.
            case Z_OK where filled || position < input.count: continue
            case Z_OK, Z_BUF_ERROR: return position
            case Z_NEED_DICT: throw .damaged(reason: "needs a preset dictionary")
            default:
                let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
                throw .damaged(reason: reason ?? "invalid data")
            }
        }
    }
}
