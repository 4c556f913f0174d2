import FlowModels
import HTTPContent
import HTTPTypes
import HTTPWire
import Serving

/// Scores of the images of a body of lines, in lines that are sent as blocks of them are ready, while the body still comes.
struct LineScores: Sendable {
    let ask: ScoringRequest
    private var context: APIContext { ask.context }

    /// Shortest and longest wait before a block is tried again that was turned away for want of capacity.
    private static let retries = Duration.milliseconds(50)...Duration.seconds(1)

    /// The answer, whose head is sent when the first block is scored: until then what goes wrong has a status of its own.
    /// - Throws: as ``ScoringRequest/scored(_:)``; what the body's parts throw.
    func response(to body: StreamedBody) async throws -> ServerResponse {
        let reader = Reader(self, body)
        let first = try await reader.next(isFirst: true)
        let parts = Backlog.parts(limit: context.options.maxStreamBacklog) { [context] backlog in
            do {
                var lines = first
                while let part = lines {
                    await backlog.put(part)
                    try await reader.hold(besides: backlog.waiting)
                    lines = try await reader.next()
                }
            } catch is CancellationError {
                // nobody reads the answer any more
            } catch {
                let problem = context.problem(error)
                await backlog.put(problem.json(for: CurrentRequest.labels?.requestID).encoded + [0x0A])
            }
        }
        return ServerResponse(
            status: .ok, fields: [.contentType: MediaType.ndjson.description, .vary: "\(HTTPField.Name.accept)"],
            body: .stream(parts))
    }

    /// Images of a block: by their cost no more than a fourth of the time limit, so that none fails for those it stands with, and no more than
    /// the key may have at once.
    private var blockImages: Int {
        let options = context.options
        let rows =
            context.service.mostRows(
                DensityWork.self, like: ask.row, by: ask.model, within: options.requestTimeout / 4) ?? .max
        let most = min(options.maxRequestRows, rows, ask.rates.mostRows ?? .max)
        return max(1, min(options.streamBlockImages, most / ask.samples))
    }

    /// The body's lines, block by block.
    private actor Reader {
        private let scores: LineScores
        private let body: StreamedBody
        private var parts: BodyParts.AsyncIterator
        private var lines: BodyLines
        private var index = 0

        init(_ scores: LineScores, _ body: StreamedBody) {
            (self.scores, self.body) = (scores, body)
            parts = body.parts.makeAsyncIterator()
            lines = BodyLines(limit: scores.context.options.maxImageBytes)
        }

        /// Counts what is held of body and answer, `bytes` of which wait elsewhere.
        func hold(besides bytes: Int) throws { try body.hold(2 * lines.heldBytes + bytes) }

        /// Lines of the answer to the next block; nil at the body's end.
        func next(isFirst: Bool = false) async throws -> [UInt8]? {
            let block = try await nextBlock()
            if block.isEmpty { return nil }
            let results = try await scores.results(of: block, isFirst: isFirst)
            defer { index += results.count }
            return results.enumerated().flatMap { offset, result in
                AnswerList.entry(index + offset, result.map(\.json)).encoded + [0x0A]
            }
        }

        /// The lines that have come, and where there are none the next that comes; none at the end.
        private func nextBlock() async throws -> [BodyLines.Line] {
            while true {
                let block = lines.take(scores.blockImages)
                if !block.isEmpty || lines.hasEnded { return block }
                var parts = self.parts
                let part = try await parts.next(isolation: self)
                self.parts = parts
                if let part {
                    try await scores.ask.rates.take(bytes: part.count, waiting: scores.context.options.requestTimeout)
                    lines.receive(part)
                } else {
                    lines.end()
                }
                try hold(besides: 0)
            }
        }
    }

    /// Scores of lines, or what is wrong with each.
    private func results(of lines: [BodyLines.Line], isFirst: Bool) async throws -> [Result<ImageScore, Problem>] {
        var text: [UInt8] = []
        for case .text(let line) in lines { text += line + [0x0A] }
        var scored = try await scores(of: text, isFirst: isFirst)[...]
        return lines.map { line in
            switch line {
            case .text: scored.removeFirst()
            case .tooLong:
                .failure(
                    Problem(.bodyTooLarge, "the line is larger than \(context.options.maxImageBytes) bytes"))
            }
        }
    }

    /// Scores of a text of whole lines. A block after the first waits for capacity, and for what its key may have, as long as a request may
    /// take.
    private func scores(of text: [UInt8], isFirst: Bool) async throws -> [Result<ImageScore, Problem>] {
        if text.isEmpty { return [] }
        let start = ContinuousClock.now
        while true {
            do {
                // before the text is read, which for a long wait would be done in vain
                if !isFirst { try await ask.rates.waitForRows(context.options.requestTimeout) }
                return try await ask.scored(text).results
            } catch {
                guard !isFirst, let wait = Self.wait(for: error),
                    start.duration(to: .now) + wait < context.options.requestTimeout
                else { throw error }
                try await Task.sleep(for: min(max(wait, Self.retries.lowerBound), Self.retries.upperBound))
            }
        }
    }

    /// Time after which there may be room for work that was turned away; nil where that was for another reason.
    private static func wait(for error: any Error) -> Duration? {
        switch error {
        case ServingError.queueFull(_, _, let retryAfter): retryAfter
        case ServingError.tooLate(let wait, let deadline): wait - deadline
        case DecodingRefusal.full(_, _, let retryAfter): retryAfter
        case DecodingRefusal.late(let wait, let left): wait - left
        case let refusal as RateRefusal: refusal.duration
        default: nil
        }
    }
}
