import Compression
package import HTTPWire

/// A body that is being read, and what makes the answer out of it.
struct AwaitedBody: ~Copyable {
    var collector: BodyCollector
    let then: @Sendable (_ body: [UInt8]) async -> ServerResponse

    /// The work that the answer takes, once the body is whole. Its memory counts as in use until then.
    /// - Throws: what is wrong with the content coding.
    consuming func finish() throws(HTTPServerError) -> @Sendable () async -> ServerResponse {
        let bytes = try collector.finish()
        return { [then, share = collector.share] in
            let response = await then(bytes)
            withExtendedLifetime(share) {}
            return response
        }
    }
}

/// The body of one request while it arrives: undoes its content coding, within the limits.
package struct BodyCollector: ~Copyable {
    /// Memory that this body takes of that for all.
    let share: BodyMemory.Share
    private var bytes: [UInt8] = []
    private var coded = 0
    private var inflater: Inflater?
    private let limit: Int
    private let limits: HTTPLimits

    /// - Parameter limit: bytes after content coding.
    package init(
        coding: ContentCoding, limit: Int, limits: HTTPLimits, memory: BodyMemory, owner: BodyMemory.Owner
    ) {
        share = BodyMemory.Share(of: memory, for: owner)
        self.limit = limit
        self.limits = limits
        inflater = Inflater(undoing: coding)
    }

    /// Takes the next bytes of the body, still in their content coding.
    /// - Throws: ``HTTPServerError/bodyTooLarge(limit:)``, ``HTTPServerError/badContentCoding(reason:)``,
    ///   ``HTTPServerError/bodyMemoryFull(limit:)``, ``HTTPServerError/clientMemoryFull(limit:)``.
    package mutating func append(_ span: Span<UInt8>) throws(HTTPServerError) {
        guard inflater != nil else {
            // The machine holds an uncoded body to its limit. The array grows with what came, never with what a
            // length promises, to twice as much at most.
            try share.grow(to: 2 * (bytes.count + span.count))
            unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
            return
        }
        let part = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
        coded += part.count
        let expanded = coded.multipliedReportingOverflow(by: limits.expansionRatio)
        let allowed = max(expanded.overflow ? .max : expanded.partialValue, limits.expansionFloorBytes)
        do throws(CompressionError) {
            try inflater?.inflate(part, into: &bytes, limit: max(min(limit, allowed) - bytes.count, 0))
        } catch {
            guard case .outputTooLarge = error else { throw HTTPServerError(error) }
            throw limit <= allowed
                ? .bodyTooLarge(limit: limit)
                : .badContentCoding(reason: "it expands more than \(limits.expansionRatio) times")
        }
        try share.grow(to: 2 * bytes.count)
    }

    /// Ends the coding and returns the whole body.
    /// - Throws: ``HTTPServerError/badContentCoding(reason:)`` when the coded body is damaged or cut off.
    package mutating func finish() throws(HTTPServerError) -> [UInt8] {
        // A body of no bytes has nothing to undo.
        if coded > 0 {
            do throws(CompressionError) { try inflater?.finish() } catch { throw HTTPServerError(error) }
        }
        return bytes
    }
}
