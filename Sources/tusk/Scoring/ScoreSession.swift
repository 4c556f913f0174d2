import DataSets
import FlowCore
import FlowModels
import Synchronization
import System

/// Run of `tusk score`: a thread reads images, others score them, and records are written in the images' order.
struct ScoreSession {
    let scorer: ImageScorer
    let encoder: ScoreEncoder
    private(set) var summary: ScoreSummary
    let showsProgress: Bool
    /// Whether only all of the records are of use, so that an interruption and what another try may mend end the run.
    var isWhole = false
    /// Files of folders and archives that were left out.
    private(set) var leftOut = UnusedEntries()
    /// Whether Ctrl-C ended the run.
    private(set) var wasInterrupted = false

    /// Seconds between two lines of progress.
    private static let progressInterval = Duration.milliseconds(200)

    init(scorer: ImageScorer, encoder: ScoreEncoder, summary: ScoreSummary, showsProgress: Bool) {
        (self.scorer, self.encoder, self.summary, self.showsProgress) = (scorer, encoder, summary, showsProgress)
    }

    /// Scores all images of `sources`, and writes their records, those of images that are scored together at once.
    /// - Throws: ``FlowError``, what `write` throws.
    mutating func run(_ sources: ScoreSources, _ write: ([UInt8]) throws -> Void) throws {
        let queue = ScoreQueue(mostItems: 2 * scorer.imagesAtOnce)
        defer { queue.cancel() }
        let interruption = Interruption { queue.cancel() }
        let walked = Walked()
        Threads.start {
            let unused = sources.forEach(queue.put)
            walked.leftOut.withLock { $0 = unused }
            queue.end()
        }
        let start = ContinuousClock.now
        var shown = start
        try write(encoder.head)
        do {
            while true {
                let items = queue.take(scorer.imagesAtOnce)
                if items.isEmpty { break }
                let results = try scorer.results(of: items, isCancelled: interruption.whetherRequested)
                var records: [UInt8] = []
                for (item, result) in zip(items, results) {
                    records += encoder.record(item, result.map(\.score))
                    switch result {
                    case .success(let image): summary.add(image, source: item.source, index: item.index)
                    case .failure(let failure) where isWhole && failure.isTemporary:
                        throw ExitStatus.temporary.saying("\(item.source): \(failure.reason)")
                    case .failure: summary.addFailure()
                    }
                }
                try write(records)
                if showsProgress, shown.duration(to: .now) >= Self.progressInterval {
                    shown = .now
                    Terminal.showProgress(progress(after: start.duration(to: shown)))
                }
            }
        } catch FlowError.cancelled {
            // the records of whole images are written
        }
        if showsProgress { Terminal.showProgress("") }
        wasInterrupted = interruption.isRequested
        if isWhole, wasInterrupted { throw ExitStatus.temporary.saying("interrupted: nothing of this part is kept") }
        leftOut = walked.leftOut.withLock(\.self)
    }

    /// What the thread that reads has to tell.
    private final class Walked: Sendable {
        let leftOut = Mutex(UnusedEntries())
    }

    private func progress(after time: Duration) -> String {
        let done = summary.scored + summary.failed
        let parts =
            ["\(grouped(done)) images", "\(fixed(Double(done) / max(time / .seconds(1), 1e-9), 1))/s"]
            + Verdict.allCases.reversed().compactMap { verdict in
                summary.verdicts[verdict].map { "\(grouped($0)) \(verdict.rawValue)" }
            } + (summary.failed > 0 ? ["\(grouped(summary.failed)) not scored"] : [])
        return parts.joined(separator: ", ")
    }
}
