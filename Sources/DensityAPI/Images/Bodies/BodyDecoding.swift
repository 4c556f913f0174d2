import HTTPContent
import Serving

/// Reader of the images of a body, in two steps: the body is taken apart, and its images are decoded, each by itself.
protocol ImageBodyReader: Sendable {
    /// Work to take a body apart, in units of a pixel of a scan.
    func work(toTakeApart body: [UInt8], type: MediaType) -> Int
    /// Takes a body apart.
    /// - Throws: an error of which ``Problem/init(of:)`` makes a problem of the body as a whole.
    func parts(of body: [UInt8], type: MediaType) throws -> LogProbBody.Parts
    /// Rows of items that were taken apart, at their indices among all; those that come after `isStopped` has said yes are not
    /// decoded.
    func rows(of items: ArraySlice<LogProbBody.Item>, isStopped: @escaping () -> Bool) -> [Result<[UInt8], Problem>]
}

extension LogProbBodyReader: ImageBodyReader {}

extension APIContext {
    /// The images of a body, decoded in the decoding lane but where that is less work than to go there.
    ///
    /// What is large is taken apart as one step of the lane, and decoded as others: a step is an image, or a few small
    /// ones, so others have their turn between them, and a client who leaves ends the rest.
    /// - Throws: what ``BodyType/resolved(for:)`` and ``ImageBodyReader/parts(of:type:)`` throw, and ``DecodingLane/run(for:deadline:steps:_:)``.
    func decoded(
        _ body: [UInt8], as type: BodyType, by reader: some ImageBodyReader, for caller: Caller,
        until deadline: ContinuousClock.Instant
    ) async throws -> LogProbBody {
        let type = try type.resolved(for: body)
        let work = reader.work(toTakeApart: body, type: type)
        let parts = try await takenApart(work: work, for: caller, until: deadline) {
            try reader.parts(of: body, type: type)
        }
        return try await decoded(parts, by: reader, for: caller, until: deadline)
    }

    /// What `body` makes of so much work, in a unit of a byte of text: in the decoding lane where that is worth the way.
    /// - Throws: what `body` throws, and ``DecodingLane/run(for:deadline:steps:_:)``.
    func takenApart<Parts: Sendable>(
        work: Int, for caller: Caller, until deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable () throws -> Parts
    ) async throws -> Parts {
        guard work > options.inlineWork else { return try body() }
        return try await decoding.run(for: caller, deadline: deadline, steps: [work]) { _, _ in try body() }[0]
    }

    /// The images of a body that was taken apart, decoded as ``decoded(_:as:by:for:until:)`` says.
    /// - Throws: ``DecodingLane/run(for:deadline:steps:_:)``.
    func decoded(
        _ parts: LogProbBody.Parts, by reader: some ImageBodyReader, for caller: Caller,
        until deadline: ContinuousClock.Instant
    ) async throws -> LogProbBody {
        let steps = parts.steps(ofWork: options.inlineWork)
        guard steps.count > 1 || steps[0].work > options.inlineWork else {
            return LogProbBody(
                images: reader.rows(of: parts.items[...]) { false }, files: parts.files, isList: parts.isList)
        }
        let done = try await decoding.run(for: caller, deadline: deadline, steps: steps.map(\.work)) { step, stop in
            let start = ContinuousClock.now
            let rows = reader.rows(of: parts.items[steps[step].items]) { stop.isStopped }
            return (rows: rows, took: start.duration(to: .now))
        }
        return LogProbBody(
            images: done.flatMap(\.rows), files: parts.files, isList: parts.isList,
            decodingTime: done.reduce(.zero) { $0 + $1.took })
    }
}

extension LogProbBody.Parts {
    /// Consecutive items that are decoded without another's turn between them.
    struct Step: Sendable {
        var items: Range<Int>
        var work: Int
    }

    /// The items in steps of at most `most` work, or of one image.
    func steps(ofWork most: Int) -> [Step] {
        var steps = [Step(items: 0..<0, work: 0)]
        for (index, item) in items.enumerated() {
            let work = if case .encoded(let image) = item { image.work } else { 0 }
            var last = steps[steps.count - 1]
            let (sum, overflow) = last.work.addingReportingOverflow(work)
            if !last.items.isEmpty, overflow || sum > most {
                steps.append(Step(items: index..<index + 1, work: work))
            } else {
                last = Step(items: last.items.lowerBound..<index + 1, work: sum)
                steps[steps.count - 1] = last
            }
        }
        return steps
    }
}
