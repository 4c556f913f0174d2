import DensityAPI
import Dispatch
import Foundation
import Glibc
import Logging
import Metrics
import TestSupport
import Testing

@testable import tusk

@Suite("Log lines", .timeLimit(.minutes(15)))
struct LogLineTests {
    private static let time = LogTime(seconds: 784_111_777, milliseconds: 7)

    private func written(_ line: LogLine, _ format: LogFormat) -> String {
        var bytes: [UInt8] = []
        let writer = LogLineWriter(format: format)
        writer.write(line, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let line = LogLine(
        time: time, level: .warning, message: "something happened",
        values: [
            ("text", .string("a b")), ("plain", .string("a.b")), ("none", .null), ("yes", .bool(true)),
            ("count", .integer(-3)), ("ms", .milliseconds(.microseconds(1_002_003))),
        ])

    @Test("are JSON objects")
    func json() throws {
        let text = written(Self.line, .json)
        #expect(
            text
                == #"{"time":"1994-11-06T08:49:37.007Z","level":"warning","message":"something happened","text":"a b","#
                + #""plain":"a.b","none":null,"yes":true,"count":-3,"ms":1002.003}"# + "\n")
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(object?["count"] as? Int == -3)
    }

    @Test("or text, without what is null")
    func text() {
        #expect(
            written(Self.line, .text)
                == "1994-11-06T08:49:37.007Z warning something happened text=\"a b\" plain=a.b yes=true count=-3 "
                + "ms=1002.003\n")
    }

    @Test("cannot be forged, nor move a terminal's cursor", arguments: LogFormat.allCases)
    func forged(_ format: LogFormat) throws {
        let nasty = "x\"\n{\"level\":\"info\"}\r\u{1B}[2J\u{9B}2J\u{7F}\\\u{0}é"
        let text = written(
            LogLine(time: Self.time, level: .info, message: nasty, values: [("value", .string(nasty))]), format)
        #expect(text.utf8.filter { $0 == 10 }.count == 1 && text.hasSuffix("\n"))
        for scalar in text.dropLast().unicodeScalars {
            #expect(scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value))
        }
        if format == .json {
            let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let read = object?["value"] as? String
            #expect(read?.hasPrefix("x\"\n{") == true && read?.hasSuffix("\\\u{0}é") == true)
        }
    }
}

@Suite("Log sink", .timeLimit(.minutes(15)))
struct LogSinkTests {
    /// A pipe whose reading end is closed first on demand.
    private final class Channel {
        let read: Int32
        let write: Int32
        private var isReadOpen = true

        init() throws {
            _ = signal(SIGPIPE, SIG_IGN)
            var ends: [Int32] = [0, 0]
            try #require(unsafe pipe(&ends) == 0)
            (read, write) = (ends[0], ends[1])
        }

        func closeReader() {
            if isReadOpen { close(read) }
            isReadOpen = false
        }

        /// What has come, at most `count` bytes.
        func take(_ count: Int = 1 << 20) -> String {
            var buffer = [UInt8](repeating: 0, count: count)
            let taken = unsafe Glibc.read(read, &buffer, count)
            return String(decoding: buffer.prefix(max(taken, 0)), as: UTF8.self)
        }

        deinit {
            closeReader()
            close(write)
        }
    }

    private func line(_ text: String) -> LogSink.Entry {
        { LogLine(time: .now, level: .info, message: text, values: []) }
    }

    private func messages(_ text: String) -> [String] {
        text.split(separator: "\n").map { String($0.split(separator: " ", maxSplits: 2).last ?? "") }
    }

    @Test("writes lines in order, soon and without a flush")
    func order() throws {
        let channel = try Channel()
        let metrics = MetricSet()
        let sink = LogSink(descriptor: channel.write, format: .text, level: .info, metrics: metrics)
        for index in 0..<100 { sink.add(line("line \(index)")) }
        // blocks until the sink writes by itself
        #expect(messages(channel.take(10)).first != nil)
        #expect(sink.flush(timeout: .seconds(30)))
        #expect(metrics["dropped_log_lines"] == 0)
    }

    @Test("swift-log's loggers write into it, from the level that it has at the time")
    func levels() throws {
        let channel = try Channel()
        let sink = LogSink(descriptor: channel.write, format: .json, level: .warning)
        let logger = Logger(label: "x") { _ in SinkLogHandler(sink) }
        logger.info("no")
        logger.warning("yes", metadata: ["b": "2", "a": "one\ntwo"])
        sink.level = .debug
        logger.debug("now")
        sink.level = .critical
        logger.error("no")
        #expect(sink.flush(timeout: .seconds(30)))
        let lines = channel.take().split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix(#""level":"warning","message":"yes","a":"one\u000atwo","b":"2"}"#) == true)
        #expect(lines.last?.hasSuffix(#""level":"debug","message":"now"}"#) == true)
    }

    @Test("a reader that does not read holds nobody up; what does not fit is dropped, counted and reported")
    func blocked() throws {
        let channel = try Channel()
        let metrics = MetricSet()
        let sink = LogSink(descriptor: channel.write, format: .text, level: .info, capacity: 10, metrics: metrics)
        // More than a pipe holds, so that the writing thread waits.
        let long = String(repeating: "x", count: 300_000)
        sink.add(line(long))
        #expect(!sink.flush(timeout: .milliseconds(200)), "the pipe took more than it can hold")
        for index in 0..<25 { sink.add(line("line \(index)")) }
        #expect(metrics["dropped_log_lines"] == 15)
        var text = ""
        while !text.contains("dropped") {
            let more = channel.take()
            try #require(!more.isEmpty)
            text += more
        }
        #expect(
            messages(text) == [long] + (0..<10).map { "line \($0)" } + ["log lines were dropped lines=15"])
        #expect(sink.flush(timeout: .seconds(30)))
    }

    @Test("a reader that is gone, or a full disk, costs the lines and no more")
    func broken() async throws {
        let channel = try Channel()
        channel.closeReader()
        let full = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(full >= 0)
        defer { close(full) }
        for descriptor in [channel.write, full] {
            let metrics = MetricSet()
            var sink: LogSink! = LogSink(descriptor: descriptor, format: .text, level: .info, metrics: metrics)
            weak let released = sink
            for index in 0..<5 { sink.add(line("line \(index)")) }
            #expect(sink.flush(timeout: .seconds(30)))
            #expect(metrics["dropped_log_lines"] == 5)
            sink.add(line("another"))
            #expect(sink.flush(timeout: .seconds(30)))
            #expect(metrics["dropped_log_lines"] == 6)
            sink = nil
            // It has still to report what it dropped, and the descriptor must be its own until then.
            await eventually { released == nil }
        }
    }

    @Test("a non-blocking output is waited for")
    func nonBlocking() async throws {
        let channel = try Channel()
        try #require(fcntl(channel.write, F_SETFL, O_NONBLOCK) == 0)
        let metrics = MetricSet()
        let sink = LogSink(descriptor: channel.write, format: .text, level: .info, metrics: metrics)
        let long = String(repeating: "x", count: 300_000)
        sink.add(line(long))
        var text = ""
        while text.last != "\n" { text += channel.take() }
        #expect(messages(text) == [long])
        #expect(metrics["dropped_log_lines"] == 0)
    }
}
