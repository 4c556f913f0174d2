import DensityAPI
import Dispatch
import FlowKernels
import Logging
import Metrics
import Synchronization
import System

/// Observer that gives freed memory back to the system when the service has been quiet for a time. The C library keeps what
/// a burst of large requests has freed for the next one, which may never come. The first time, when the start is over, it gives up
/// the program's pages too, most of which the start alone has read.
final class MemoryRelease: ExchangeObserver {
    private let schedule: Mutex<ReleaseSchedule>
    private let isFirst = Atomic(true)
    private let metrics: MetricSet
    private let logger: Logger
    private let queue = DispatchQueue(label: "tusk.memory", qos: .utility)
    private let origin = ContinuousClock.now

    /// - Parameters:
    ///   - quiet: time without a request.
    ///   - metrics: set that has `requests`, the number of those under way.
    init(after quiet: Duration, _ metrics: MetricSet, _ logger: Logger) {
        schedule = Mutex(ReleaseSchedule(quiet: quiet))
        self.metrics = metrics
        self.logger = logger
    }

    func exchangeEnded(_ record: RequestRecord) { workEnded() }

    /// Notes that something ended that may have freed memory.
    func workEnded() { perform(schedule.withLock { $0.ended(at: now) }) }

    private func perform(_ step: ReleaseSchedule.Step) {
        switch step {
        case .nothing: break
        case .look(let wait):
            queue.asyncAfter(deadline: .now() + wait / .seconds(1)) { [weak self] in self?.look() }
        case .release:
            let before = residentMemory()
            releaseFreedMemory()
            if isFirst.exchange(false, ordering: .relaxed) { ProgramPages.release() }
            guard let before, let after = residentMemory() else { return }
            logger.debug(
                "freed memory was given back",
                metadata: ["resident_bytes_before": "\(before)", "resident_bytes": "\(after)"])
        }
    }

    private func look() {
        let requests = metrics["requests"] ?? 0
        perform(schedule.withLock { $0.look(requests: requests, at: now) })
    }

    private var now: Duration { origin.duration(to: .now) }
}
