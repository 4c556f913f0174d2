import Compression
import HTTPWire
import Synchronization

/// A streamed answer under a content coding. Each part is flushed, so that the client can read it when it comes; none is
/// asked for before the last was taken.
actor CodedStream {
    /// Compressor of the stream, also used by helper threads, one at a time.
    private final class Coder: Sendable {
        private let deflater: Mutex<Deflater>

        init(_ coding: Coding) { deflater = Mutex(Deflater(coding: coding)) }

        func code(_ part: [UInt8], _ flush: Deflater.Flush) -> [UInt8] {
            var output: [UInt8] = []
            deflater.withLock { $0.deflate(part, into: &output, flush: flush) }
            return output
        }
    }

    private var source: AsyncThrowingStream<[UInt8], any Error>.AsyncIterator
    private var coder: Coder?
    private let context: APIContext

    private init(_ stream: BodyParts, _ coding: Coding, _ context: APIContext) {
        source = stream.makeAsyncIterator()
        coder = Coder(coding)
        self.context = context
    }

    static func parts(
        of stream: BodyParts, _ coding: Coding, _ context: APIContext
    ) -> AsyncThrowingStream<[UInt8], any Error> {
        let coded = CodedStream(stream, coding, context)
        return AsyncThrowingStream(unfolding: { try await coded.next() })
    }

    private func next() async throws -> [UInt8]? {
        guard let coder else { return nil }
        var source = self.source
        let part = try await source.next(isolation: self)
        self.source = source
        guard let part else {
            self.coder = nil
            return coder.code([], .finish)
        }
        return try await context.heavy(bytes: part.count) { coder.code(part, .sync) }
    }
}
