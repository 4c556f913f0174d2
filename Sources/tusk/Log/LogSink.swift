import Dispatch
import Glibc
import HTTPWire
import Logging
import Metrics
import Synchronization

/// Sink of all log lines: a bounded queue in memory, and a thread that writes what is in it, many lines at a time.
///
/// Whoever logs only appends; so a reader that does not read, or a full disk, holds up nothing. What finds the queue full,
/// or cannot be written, is dropped and counted, and a line says how much as soon as one can be written again.
final class LogSink: Sendable {
    /// Line that is to be written.
    typealias Entry = @Sendable () -> LogLine

    private struct Waiting {
        /// Lines that wait, one after another as they will be written.
        var bytes: [UInt8] = []
        var lines = 0
        var dropped = 0
        var isScheduled = false
    }

    /// Belongs to the queue.
    private struct Output {
        /// Bytes that are being written; their storage is exchanged with that of those that wait.
        var bytes: [UInt8] = []
        /// Whether a line was cut off by an error: the next one begins a new line.
        var isMidLine = false
    }

    /// Most lines that wait.
    static let defaultCapacity = 8192
    /// Longest time from a line until it is written, together with those that came meanwhile.
    private static let delay = DispatchTimeInterval.milliseconds(20)
    /// Most bytes of one write.
    private static let writeBytes = 64 << 10
    /// Most bytes of storage that are kept for the next lines.
    private static let keptBytes = 64 << 10

    /// Format of the lines.
    let format: LogFormat
    private let descriptor: Int32
    private let capacity: Int
    private let droppedLines: Counter
    private let minimumLevel: Atomic<Int>
    private let waiting = Mutex(Waiting())
    private let output = Mutex(Output())
    private let queue = DispatchQueue(label: "tusk.log", qos: .utility)

    /// - Parameters:
    ///   - descriptor: stays open as long as this.
    ///   - metrics: gets what this sink counts.
    init(
        descriptor: Int32, format: LogFormat, level: Logger.Level, capacity: Int = LogSink.defaultCapacity,
        metrics: MetricSet = MetricSet()
    ) {
        self.descriptor = descriptor
        self.format = format
        self.capacity = capacity
        droppedLines = metrics.counter("dropped_log_lines", "Log lines that were not written, since the start.")
        minimumLevel = Atomic(level.rank)
    }

    /// Least severity that is logged; may change at any time.
    var level: Logger.Level {
        get { Logger.Level.allCases[minimumLevel.load(ordering: .relaxed)] }
        set { minimumLevel.store(newValue.rank, ordering: .relaxed) }
    }

    func accepts(_ level: Logger.Level) -> Bool { level.rank >= minimumLevel.load(ordering: .relaxed) }

    /// Takes a line, or drops it; never waits for the output.
    func add(_ entry: Entry) {
        var line: [UInt8] = []
        LogLineWriter(format: format).write(entry(), to: &line)
        add(line)
    }

    /// Takes a line that ``LogLineWriter`` has written, or drops it; never waits for the output.
    func add(_ line: [UInt8]) {
        let mustSchedule = waiting.withLock { waiting in
            guard waiting.lines < capacity else {
                waiting.dropped += 1
                droppedLines.add()
                return false
            }
            waiting.bytes.append(contentsOf: line)
            waiting.lines += 1
            defer { waiting.isScheduled = true }
            return !waiting.isScheduled
        }
        if mustSchedule { queue.asyncAfter(deadline: .now() + Self.delay) { self.writeWaiting() } }
    }

    /// Writes what waits, unless the output takes longer than `timeout`.
    /// - Returns: whether all was written or dropped.
    @discardableResult
    func flush(timeout: DispatchTimeInterval = .seconds(1)) -> Bool {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.writeWaiting()
            done.signal()
        }
        return done.wait(timeout: .now() + timeout) == .success
    }

    private func writeWaiting() {
        output.withLock { output in
            let (lines, dropped) = waiting.withLock { waiting in
                defer {
                    waiting.lines = 0
                    waiting.dropped = 0
                    waiting.isScheduled = false
                }
                swap(&waiting.bytes, &output.bytes)
                return (waiting.lines, waiting.dropped)
            }
            if dropped > 0 {
                let line = LogLine(
                    time: .now, level: .warning, message: "log lines were dropped",
                    values: [("lines", .integer(dropped))])
                LogLineWriter(format: format).write(line, to: &output.bytes)
            }
            if output.isMidLine, !output.bytes.isEmpty { output.bytes.insert(UInt8(ascii: "\n"), at: 0) }
            let written = write(output.bytes.span)
            if written > 0 { output.isMidLine = output.bytes[written - 1] != UInt8(ascii: "\n") }
            if written < output.bytes.count {
                let lost = output.bytes[written...].count { $0 == UInt8(ascii: "\n") }
                // Those that were dropped before are counted, but the line that says so is no line of theirs.
                noteLost(min(lost, lines), again: dropped)
            }
            output.bytes.removeAll(keepingCapacity: output.bytes.capacity <= Self.keptBytes)
        }
    }

    /// - Parameter again: lines that were counted before, but could not be reported.
    private func noteLost(_ lines: Int, again: Int) {
        waiting.withLock { $0.dropped += lines + again }
        droppedLines.add(lines)
    }

    /// Blocks this queue's thread, and only it, while the output takes nothing.
    /// - Returns: how many of `bytes` were taken; fewer than all where the output fails.
    private func write(_ bytes: Span<UInt8>) -> Int {
        var written = 0
        while written < bytes.count {
            let piece = bytes.extracting(written..<min(written + Self.writeBytes, bytes.count))
            let count = unsafe piece.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                written += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Someone else made the output non-blocking; for a write it is the same.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wanted, 1, -1)
            default: return written
            }
        }
        return written
    }
}

extension LogTime {
    static var now: LogTime {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return LogTime(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }
}

extension Logger.Level {
    /// 0 is the least severe.
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// swift-log over a ``LogSink``, whose level is that of all loggers.
struct SinkLogHandler: LogHandler {
    let sink: LogSink
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(_ sink: LogSink, metadataProvider: Logger.MetadataProvider? = nil) {
        self.sink = sink
        self.metadataProvider = metadataProvider
    }

    var logLevel: Logger.Level {
        get { sink.level }
        set { sink.level = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        let values = all.sorted { $0.key < $1.key }.map { (name: $0.key, value: LogValue.string("\($0.value)")) }
        let line = LogLine(
            time: .now, level: event.level, message: "\(event.message)",
            values: values + (event.error.map { [(name: "error", value: .string("\($0)"))] } ?? []))
        sink.add { line }
    }
}
