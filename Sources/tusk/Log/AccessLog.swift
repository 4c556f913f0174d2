import DensityAPI
import HTTPTypes
import HTTPWire
import Logging

/// Log of a line for each request, written off the I/O path.
struct AccessLog: ExchangeObserver {
    let sink: LogSink
    let hasAddresses: Bool

    /// - Parameter hasAddresses: whether the client's address is logged, which in many places is personal data.
    init(_ sink: LogSink, hasAddresses: Bool) {
        self.sink = sink
        self.hasAddresses = hasAddresses
    }

    func exchangeEnded(_ record: RequestRecord) {
        let level = level(of: record.exchange)
        guard sink.accepts(level) else { return }
        let time = LogTime.now
        sink.add { [hasAddresses] in line(record, time: time, level: level, hasAddresses: hasAddresses) }
    }

    /// Severity of a request's line: what went wrong on our side, or through a client that is too slow, is a warning.
    private func level(of exchange: EndedExchange) -> Logger.Level {
        switch exchange.ending {
        case .timeout, .cutOff: .warning
        default: (exchange.status?.code ?? 0) >= 500 ? .warning : .info
        }
    }
}

private func line(_ record: RequestRecord, time: LogTime, level: Logger.Level, hasAddresses: Bool) -> LogLine {
    let exchange = record.exchange
    let version: String? =
        switch exchange.version {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case nil: nil
        }
    var values: [(name: String, value: LogValue)] = [
        ("method", LogValue(record.method)),
        ("route", LogValue(exchange.labels.route)),
        ("status", exchange.status.map { .integer($0.code) } ?? .null),
        ("end", .string(exchange.ending.rawValue)),
        ("request_bytes", .integer(exchange.requestBytes)),
        ("response_bytes", .integer(exchange.answerBytes)),
        ("read_ms", .milliseconds(exchange.reading)),
        ("handle_ms", .milliseconds(exchange.handling)),
        ("send_ms", .milliseconds(exchange.sending)),
        ("request_id", LogValue(exchange.labels.requestID)),
        ("trace_id", LogValue(record.traceID)),
        ("key", LogValue(exchange.labels.keyName)),
        ("protocol", LogValue(version)),
        ("tls", .bool(record.connection.isEncrypted)),
    ]
    if hasAddresses { values.append(("client", .string(record.connection.peer))) }
    return LogLine(time: time, level: level, message: "request", values: values)
}
