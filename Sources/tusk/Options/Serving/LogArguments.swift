public import ArgumentParser
import Glibc
public import Logging
import Metrics

/// Value of an option that is on by default.
enum Switch: String, CaseIterable, ExpressibleByArgument {
    case on, off
}

/// Options that say what is logged, and how. Log lines go to standard error.
struct LogArguments: ParsableArguments {
    @Option(help: "Form of the log lines: text or json. (default: text on a terminal, else json)")
    var logFormat: LogFormat?

    @Option(help: "Least severity that is logged: trace, debug, info, notice, warning, error, critical.")
    var logLevel = Logger.Level.info

    @Option(help: "A log line for each request, of level info, or warning if it failed: on or off.")
    var accessLog = Switch.on

    @Option(
        help: ArgumentHelp("Log lines that wait to be written; more are dropped and counted.", valueName: "lines"))
    var logQueue = LogSink.defaultCapacity

    @Flag(help: "Logs the client's address with each request.")
    var logClientAddress = false

    func check() throws { try tusk.check("--log-queue", logQueue, in: 1...1 << 20) }

    /// The log of the process.
    func open(_ metrics: MetricSet) -> LogSink {
        let format = logFormat ?? (isatty(STDERR_FILENO) != 0 ? .text : .json)
        return LogSink(descriptor: STDERR_FILENO, format: format, level: logLevel, capacity: logQueue, metrics: metrics)
    }

    func accessLog(to sink: LogSink) -> AccessLog? {
        accessLog == .on ? AccessLog(sink, hasAddresses: logClientAddress) : nil
    }
}

extension LogFormat: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}
