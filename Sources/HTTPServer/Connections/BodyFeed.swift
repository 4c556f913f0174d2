import Compression
import HTTPWire

/// A body on its way to a handler that reads it as it comes: what has come and was not taken, its content coding undone.
///
/// Belongs to the I/O loop of its connection, which alone touches it.
final class BodyFeed {
    /// Number of the feed among those of its loop, by which a handler's reader finds it again.
    let number: Int
    /// Memory that the handler says it holds of the body.
    let share: BodyMemory.Share
    private let limits: HTTPLimits
    private var inflater: Inflater?
    /// Bytes of the body so far, in its coding and without it.
    private var total = (coded: 0, plain: 0)
    private var bytes: [UInt8] = []
    /// Whether nothing more comes; nil while it does, an error where it should have.
    private var ending: Result<Void, any Error>?
    private var reader: CheckedContinuation<[UInt8]?, any Error>?

    /// Bytes that wait to be taken, from which on no more are wanted.
    private static let enough = 64 << 10

    init(number: Int, coding: ContentCoding, limits: HTTPLimits, memory: BodyMemory, owner: BodyMemory.Owner) {
        self.number = number
        self.limits = limits
        share = BodyMemory.Share(of: memory, for: owner)
        inflater = Inflater(undoing: coding)
    }

    /// Whether the handler has enough for now.
    var isFull: Bool { bytes.count >= Self.enough }

    /// Takes the next bytes of the body, still in their content coding.
    /// - Throws: ``HTTPServerError/badContentCoding(reason:)``.
    func append(_ span: Span<UInt8>) throws(HTTPServerError) {
        guard inflater != nil else {
            unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
            return deliver()
        }
        let part = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
        total.coded = total.coded.addingReportingOverflow(part.count).partialValue
        // What compressed badly before saves nothing for later: each part unfolds within bounds of its own.
        func bound(_ coded: Int) -> Int {
            let (product, overflow) = coded.multipliedReportingOverflow(by: limits.expansionRatio)
            return max(overflow ? .max : product, limits.expansionFloorBytes)
        }
        let before = bytes.count
        do throws(CompressionError) {
            try inflater?.inflate(
                part, into: &bytes, limit: min(bound(part.count), max(0, bound(total.coded) - total.plain)))
        } catch {
            if case .outputTooLarge = error {
                throw .badContentCoding(reason: "it expands more than \(limits.expansionRatio) times")
            }
            throw HTTPServerError(error)
        }
        total.plain += bytes.count - before
        deliver()
    }

    /// Notes that the body is whole.
    /// - Throws: ``HTTPServerError/badContentCoding(reason:)`` when its content coding is not.
    func finish() throws(HTTPServerError) {
        if total.coded > 0 {
            do throws(CompressionError) { try inflater?.finish() } catch { throw HTTPServerError(error) }
        }
        end(.success(()))
    }

    /// Notes that the rest of the body will not come; what came is still handed over.
    func fail(_ error: any Error) { end(.failure(error)) }

    private func end(_ ending: Result<Void, any Error>) {
        if self.ending == nil { self.ending = ending }
        deliver()
    }

    /// Hands the next bytes to `reader`, when there are some; nil at the end.
    func next(_ reader: CheckedContinuation<[UInt8]?, any Error>) {
        precondition(self.reader == nil, "a body that two read")
        self.reader = reader
        deliver()
    }

    private func deliver() {
        guard !bytes.isEmpty || ending != nil, let reader else { return }
        self.reader = nil
        if !bytes.isEmpty {
            reader.resume(returning: bytes)
            bytes = []
        } else {
            reader.resume(with: ending!.map { nil })  // one of the two is there
        }
    }
}

extension Inflater {
    /// What undoes a body's content coding; nil for none. One that is not supported is refused before its body is read.
    init?(undoing coding: ContentCoding) {
        switch coding {
        case .gzip: self.init(coding: .gzip)
        case .deflate: self.init(coding: .deflate)
        case .identity, .unsupported: return nil
        }
    }
}

extension HTTPServerError {
    /// What is wrong with a body's content coding.
    init(_ error: CompressionError) {
        self =
            switch error {
            case .truncated: .badContentCoding(reason: "it ends too early")
            case .damaged(let reason): .badContentCoding(reason: reason)
            case .trailingBytes: .badContentCoding(reason: "something follows its end")
            case .outputTooLarge(let limit): .bodyTooLarge(limit: limit)
            }
    }
}
