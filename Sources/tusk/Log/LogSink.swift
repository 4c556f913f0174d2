import Dispatch
import Glibc
import HTTPWire
import Logging
import Metrics
import Synchronization

/// Sink of all log lines: a bounded queue in memory, and a thread that formats and writes what is in it.
///
/// Whoever logs only appends; so a reader that does not read, or a full disk, holds up nothing. What finds the queue full,
/// or cannot be written, is dropped and counted, and a line says how much as soon as one can be written again.
final class LogSink: Sendable {
    /// Line that waits to be written, made by the writing thread.
    typealias Entry = @Sendable () -> LogLine

    private struct Waiting {
        var entries: [Entry] = []
        var dropped = 0
        var isScheduled = false
    }

    /// Belongs to the queue.
    private struct Output {
        var writer: LogLineWriter
        /// Whether a line was cut off by an error: the next one begins a new line.
        var isMidLine = false
    }

    /// Most lines that wait.
    static let defaultCapacity = 8192
    /// Longest time from a line until it is written, together with those that came meanwhile.
    private static let delay = DispatchTimeInterval.milliseconds(20)
    /// Most bytes of one write.
    private static let writeBytes = 64 << 10

    private let descriptor: Int32
    private let capacity: Int
    private let droppedLines: Counter
    private let minimumLevel: Atomic<Int>
    private let waiting = Mutex(Waiting())
    private let output: Mutex<Output>
    private let queue = DispatchQueue(label: "tusk.log", qos: .utility)

    /// - Parameters:
    ///   - descriptor: stays open as long as this.
    ///   - metrics: gets what this sink counts.
    init(
        descriptor: Int32, format: LogFormat, level: Logger.Level, capacity: Int = LogSink.defaultCapacity,
        metrics: MetricSet = MetricSet()
    ) {
        self.descriptor = descriptor
        self.capacity = capacity
        droppedLines = metrics.counter("dropped_log_lines", "Log lines that were not written, since the start.")
        minimumLevel = Atomic(level.rank)
        output = Mutex(Output(writer: LogLineWriter(format: format)))
    }

    /// Least severity that is logged; may change at any time.
    var level: Logger.Level {
        get { Logger.Level.allCases[minimumLevel.load(ordering: .relaxed)] }
        set { minimumLevel.store(newValue.rank, ordering: .relaxed) }
    }

    func accepts(_ level: Logger.Level) -> Bool { level.rank >= minimumLevel.load(ordering: .relaxed) }

    /// Takes a line, or drops it; never waits for the output.
    func add(_ entry: @escaping Entry) {
        let mustSchedule = waiting.withLock { waiting in
            guard waiting.entries.count < capacity else {
                waiting.dropped += 1
                droppedLines.add()
                return false
            }
            waiting.entries.append(entry)
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
        let (entries, dropped) = waiting.withLock { waiting in
            defer {
                waiting.entries = []
                waiting.dropped = 0
                waiting.isScheduled = false
            }
            return (waiting.entries, waiting.dropped)
        }
        output.withLock { output in
            var bytes: [UInt8] = []
            var lines = 0
            func write() {
                if !self.write(bytes, &output) { self.noteLost(lines) }
                bytes.removeAll(keepingCapacity: true)
                lines = 0
            }
            for entry in entries {
                output.writer.write(entry(), to: &bytes)
                lines += 1
                if bytes.count >= Self.writeBytes { write() }
            }
            if dropped > 0 {
                let line = LogLine(
                    time: .now, level: .warning, message: "log lines were dropped",
                    values: [("lines", .integer(dropped))])
                output.writer.write(line, to: &bytes)
                if !self.write(bytes, &output) { noteLost(lines, again: dropped) }
            } else if !bytes.isEmpty {
                write()
            }
        }
    }

    /// - Parameter again: lines that were counted before, but could not be reported.
    private func noteLost(_ lines: Int, again: Int = 0) {
        waiting.withLock { $0.dropped += lines + again }
        droppedLines.add(lines)
    }

    /// - Returns: whether all of `bytes` was taken. Blocks this queue's thread, and only it, while the output takes nothing.
    private func write(_ bytes: [UInt8], _ output: inout Output) -> Bool {
        var rest = (output.isMidLine ? [UInt8(ascii: "\n")] : []) + bytes
        while !rest.isEmpty {
            let count = unsafe Glibc.write(descriptor, rest, rest.count)
            if count > 0 {
                output.isMidLine = rest[count - 1] != UInt8(ascii: "\n")
                rest.removeFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Someone else made the output non-blocking; for a write it is the same.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wanted, 1, -1)
            default: return false
            }
        }
        return true
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

    init(_ sink: LogSink) { self.sink = sink }

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
