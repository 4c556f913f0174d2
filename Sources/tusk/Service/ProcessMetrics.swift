import FlowKernels
import Glibc
import Metrics
import System

/// Metrics of the process, by the names that client libraries of Prometheus give them, and of the build.
enum ProcessMetrics {
    /// Declares the metrics in `set`; what the system does not tell has no series.
    static func declare(in set: MetricSet) {
        set.info(
            "build", "What this program is.",
            [MetricLabel("version", Tusk.version), MetricLabel("instructions", "\(InstructionSet.best)")])
        func declare(
            _ name: String, _ help: String, _ kind: MetricKind = .gauge, _ read: @escaping @Sendable () -> Double?
        ) {
            set.declare(name, help, kind, series: { read().map { [MetricReading.Series([], .number($0))] } ?? [] })
        }
        let started = Double(time(nil))
        declare("process_start_time_seconds", "Unix time at which the service began.") { started }
        declare("process_cpu_seconds", "Processor time of all threads.", .counter) {
            var time = timespec()
            guard unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        declare("process_resident_memory_bytes", "Resident memory.") { residentMemory().map(Double.init) }
        declare("process_open_fds", "Open descriptors.") { Descriptors.open.map(Double.init) }
        declare("process_max_fds", "Descriptors that may be open at a time.") { Descriptors.limit.map(Double.init) }
    }
}
