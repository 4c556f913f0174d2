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
        let texts = [
            record.method, labels.route, labels.requestID, record.traceID, labels.keyName, record.connection.peer,
        ]
        // Names, and values that are no text, are of a known length.
        var room = 1024
        for text in texts { room += text.map(LogLineWriter.room) ?? 0 }
        return [UInt8](capacity: room) { output in
            writer.begin(.now, level, "request", to: &output)
            writer.write("method", record.method, to: &output)
            writer.write("route", labels.route, to: &output)
            writer.write("status", exchange.status?.code, to: &output)
            writer.write("end", exchange.ending.rawValue, to: &output)
            writer.write("request_bytes", exchange.requestBytes, to: &output)
            writer.write("response_bytes", exchange.answerBytes, to: &output)
            writer.write("read_ms", milliseconds: exchange.readingTime, to: &output)
            writer.write("handle_ms", milliseconds: exchange.handlingTime, to: &output)
            writer.write("send_ms", milliseconds: exchange.sendingTime, to: &output)
            writer.write("request_id", labels.requestID, to: &output)
            writer.write("trace_id", record.traceID, to: &output)
            writer.write("key", labels.keyName, to: &output)
            writer.write("protocol", version, to: &output)
            writer.write("tls", record.connection.isEncrypted, to: &output)
            if hasAddresses { writer.write("client", record.connection.peer, to: &output) }
            writer.end(&output)
        }
    }
}
