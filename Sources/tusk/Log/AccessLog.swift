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
        sink.add(line(record, level, LogLineWriter(format: sink.format)))
    }

    /// Severity of a request's line: what went wrong on our side, or through a client that is too slow, is a warning.
    private func level(of exchange: EndedExchange) -> Logger.Level {
        switch exchange.ending {
        case .timeout, .cutOff: .warning
        default: (exchange.status?.code ?? 0) >= 500 ? .warning : .info
        }
    }
    /// The line of a request, made here and now, straight into its bytes: to keep what it is made of for later costs more.
    private func line(_ record: RequestRecord, _ level: Logger.Level, _ writer: LogLineWriter) -> [UInt8] {
        let exchange = record.exchange
        let labels = exchange.labels
        let version: String? =
            switch exchange.version {
            case .http10: "HTTP/1.0"
            case .http11: "HTTP/1.1"
            case nil: nil
            }
        // Names, and values that are no text, are of a known length.
        let room =
            1024 + LogLineWriter.room(for: record.method) + LogLineWriter.room(for: labels.route)
            + LogLineWriter.room(for: labels.requestID)
            + LogLineWriter.room(for: labels.keyName) + LogLineWriter.room(for: record.connection.peer)
            + (labels.span == nil ? 0 : spanRoom)
        return [UInt8](capacity: room) { output in
            writer.begin(.now, level, "request", to: &output)
            writer.write(Name.method, record.method, to: &output)
            writer.write(Name.route, labels.route, to: &output)
            writer.write(Name.status, exchange.status?.code, to: &output)
            writer.write(Name.end, exchange.ending.rawValue, to: &output)
            writer.write(Name.requestBytes, exchange.requestBytes, to: &output)
            writer.write(Name.responseBytes, exchange.answerBytes, to: &output)
            writer.write(Name.reading, milliseconds: exchange.readingTime, to: &output)
            writer.write(Name.handling, milliseconds: exchange.handlingTime, to: &output)
            writer.write(Name.sending, milliseconds: exchange.sendingTime, to: &output)
            writer.write(Name.requestID, labels.requestID, to: &output)
            // Without a trace not even null: OpenTelemetry's collector would take that for an identifier.
            if let span = labels.span {
                writer.write(Name.traceID, span.traceID, to: &output)
                writer.write(Name.spanID, span.spanID, to: &output)
                writer.write(Name.parentSpanID, span.parentID, to: &output)
                writer.write(Name.traceFlags, span.flags, to: &output)
            }
            writer.write(Name.key, labels.keyName, to: &output)
            writer.write(Name.version, version, to: &output)
            writer.write(Name.tls, record.connection.isEncrypted, to: &output)
            if hasAddresses { writer.write(Name.client, record.connection.peer, to: &output) }
            writer.end(&output)
        }
    }
}

/// Bytes that a span's identifiers and flags take: 32, twice 16 and 2 digits, quoted.
private let spanRoom = 74

/// Names of the values of a request's line.
private enum Name {
    static let method = LogName(#","method":"#, " method=")
    static let route = LogName(#","route":"#, " route=")
    static let status = LogName(#","status":"#, " status=")
    static let end = LogName(#","end":"#, " end=")
    static let requestBytes = LogName(#","request_bytes":"#, " request_bytes=")
    static let responseBytes = LogName(#","response_bytes":"#, " response_bytes=")
    static let reading = LogName(#","read_ms":"#, " read_ms=")
    static let handling = LogName(#","handle_ms":"#, " handle_ms=")
    static let sending = LogName(#","send_ms":"#, " send_ms=")
    static let requestID = LogName(#","request_id":"#, " request_id=")
    static let traceID = LogName(#","trace_id":"#, " trace_id=")
    static let spanID = LogName(#","span_id":"#, " span_id=")
    static let parentSpanID = LogName(#","parent_span_id":"#, " parent_span_id=")
    static let traceFlags = LogName(#","trace_flags":"#, " trace_flags=")
    static let key = LogName(#","key":"#, " key=")
    static let version = LogName(#","protocol":"#, " protocol=")
    static let tls = LogName(#","tls":"#, " tls=")
    static let client = LogName(#","client":"#, " client=")
}
