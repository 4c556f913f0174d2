import HTTPContent
import Metrics
import Testing

@testable import tusk

/// Metrics as a service has them, and readings of them.
private struct FakeService {
    let set = MetricSet()
    let requests: Labelled<Counter>
    let rows: Labelled<Counter>
    let waits: Labelled<Histogram>
    let problems: Labelled<Counter>
    let verdicts: Labelled<Counter>
    var health = StatusReading.Health()
    var files: [StatusReading.ModelFile]?
    var withheld: String?

    init(models: [String] = ["animals"], started: Double = 1000) {
        set.declare("process_start_time_seconds", "", .gauge, series: { [.init([], .number(started))] })
        requests = set.counter("http_requests", "", labels: ["route", "status"])
        rows = set.counter("rows", "", labels: ["work", "model"])
        waits = set.histogram("queue_wait_seconds", "", bounds: Histogram.times, labels: ["lane", "model"])
        problems = set.counter("http_problems", "", labels: ["kind"])
        verdicts = set.counter("verdicts", "", labels: ["model", "verdict"])
        func gauge(_ name: String, _ label: String, _ values: [(String, Int)]) {
            set.declare(
                name, "", .gauge, series: { values.map { .init([MetricLabel(label, $0.0)], .integer($0.1)) } })
        }
        gauge("queued_rows", "lane", [("parallel", 12), ("sequential", 0)])
        gauge("running_rows", "lane", [("parallel", 4), ("sequential", 1)])
        gauge("model_memory_bytes", "model", models.map { ($0, 3 << 20) })
        gauge("drift_alarms", "model", models.map { ($0, 0) })
        set.declare(
            "model_phase", "", .gauge,
            series: { models.map { .init([MetricLabel("model", $0), MetricLabel("phase", "serving")], .integer(1)) } })
        health.status = "ready"
        health.version = "0.3.0"
        health.uptimeSeconds = 90_061
        health.model = models.first
    }

    func reading(at time: Double) throws -> StatusReading {
        let text = MetricText.openMetrics.text(of: set.readings)
        return StatusReading(
            time: time, unixTime: 2000, health: health,
            metrics: StatusMetrics(try MetricText.readings(ofOpenMetrics: text)), files: files, withheld: withheld)
    }
}

extension StatusReading.ModelFile {
    fileprivate static func file(_ name: String, phase: String = "serving", failure: String? = nil) -> Self {
        StatusReading.ModelFile(
            name: name, file: name + ".safetensors", phase: phase, default: false, memoryBytes: 1_048_576,
            leavingGenerations: 0, failure: failure.map { .init(time: "2026-11-30T09:12:40Z", reason: $0) })
    }
}

@Suite("Status page")
struct StatusPageTests {
    private func page(_ new: StatusReading, since old: StatusReading? = nil) -> StatusPage {
        StatusPage(figures: StatusFigures(new, since: old), address: "unix:/run/tusk.sock")
    }

    /// Words of the only line of `lines` that has `text`.
    private func words(_ lines: [String], _ text: String) -> [String] {
        let found = lines.filter { $0.contains(text) }
        return found.count == 1 ? found[0].split(separator: " ").map(String.init) : []
    }

    @Test("rates, quantiles and counts are those of the last interval, and those since the start stand apart")
    func interval() throws {
        let service = FakeService()
        let waits = service.waits["parallel", "animals"]
        for _ in 0..<1000 { waits.observe(9) }
        service.requests["/logprob", "200"].add(5000)
        service.problems["queue-full"].add(70)
        service.problems["not-found"].add(90)
        _ = service.problems["internal"]
        service.verdicts["animals", "outlier"].add(1)
        service.verdicts["animals", "typical"].add(99)
        let old = try service.reading(at: 10)
        for time in [0.0002, 0.0002, 0.002, 0.04] { waits.observe(time) }
        service.requests["/logprob", "200"].add(39)
        service.requests["/sample", "200"].add(1)
        service.rows["density", "animals"].add(6800)
        service.problems["queue-full"].add(7)
        let lines = page(try service.reading(at: 12), since: old).lines(width: 80)
        #expect(lines[0] == "tusk 0.3.0  ready  up 1 d 1:01:01  unix:/run/tusk.sock")
        #expect(lines.contains("last 2.0 s   20 requests/s   3,400 rows/s"))
        #expect(
            words(lines, "parallel") == [
                "parallel", "2.0", "s", "12", "4", "-", "≤0.25", "ms", "≤50", "ms", "-", "-", "-",
            ])
        let start = lines.filter { $0.contains(" start ") && $0.hasPrefix(" ") }.map { $0.split(separator: " ") }
        #expect(
            start == [["start", "-", "≤10", "s", "≤10", "s", "-", "-", "-"], ["start", "-", "-", "-", "-", "-", "-"]])
        #expect(
            words(lines, "animals") == ["animals", "*", "serving", "3,400", "-", "no", "1", "%", "3.0", "MiB", "-"])
        // the most of the last interval first, and nothing that never happened
        let faults = lines.drop { !$0.hasPrefix("REFUSED") }.dropFirst().map { $0.split(separator: " ") }
        #expect(faults == [["answer:", "queue-full", "7", "77"], ["answer:", "not-found", "0", "90"]])
    }

    @Test("one reading has no rates, and says nothing of an interval")
    func single() throws {
        let service = FakeService()
        service.requests["/logprob", "200"].add(5)
        let lines = page(try service.reading(at: 1)).lines(width: 80)
        #expect(lines.contains("since start  5 requests   0 rows"))
        #expect(!lines.contains { $0.contains("/s ") || $0.hasPrefix("last") })
    }

    @Test("a service that began anew between two readings has no interval")
    func restarted() throws {
        let (old, new) = (FakeService(started: 1000), FakeService(started: 1001))
        old.requests["/logprob", "200"].add(5000)
        new.requests["/logprob", "200"].add(5)
        let figures = StatusFigures(try new.reading(at: 3), since: try old.reading(at: 1))
        #expect(figures.interval == nil && figures.requests.last == nil && figures.requests.total == 5)
    }

    @Test("series that end or begin between two readings lower and raise nothing else")
    func series() throws {
        let service = FakeService(models: ["a", "b"])
        service.rows["density", "a"].add(100)
        service.rows["density", "b"].add(7)
        service.waits["parallel", "a"].observe(30)
        let old = try service.reading(at: 1)
        service.set.end("model", "a")
        service.rows["density", "a"].add(3)
        service.rows["density", "c"].add(2)
        service.waits["parallel", "a"].observe(0.5)
        let figures = StatusFigures(try service.reading(at: 2), since: old)
        #expect(figures.rows.last == 5 && figures.rows.total == 12)
        #expect(figures.lanes[0].wait.last?.count == 1)
    }

    @Test("what a service does not tell is left out or a dash")
    func missing() throws {
        let nothing = StatusReading(
            time: 1, unixTime: 2, health: .init(), metrics: StatusMetrics([]), files: nil, withheld: nil)
        let lines = page(nothing, since: nothing).lines(width: 80, height: 24)
        #expect(lines[0] == "tusk   unknown  unix:/run/tusk.sock")
        #expect(lines.count < 6)
        #expect(StatusFigures(nothing).json(address: "a").encoded.count > 100)
        // an answer of a service that knows none of the fields
        #expect(try StatusReading.Health(json: Array(#"{"newer": [1]}"#.utf8)).status == nil)
        let files = try StatusReading.files(json: Array(#"{"models":[{"name":null,"newer":1},{}]}"#.utf8))
        var service = FakeService()
        service.files = files
        let models = StatusFigures(try service.reading(at: 1)).models
        #expect(models.map(\.name) == ["", ""] && models[0].memory == nil && models[0].failure == nil)
        #expect(throws: (any Error).self) { try StatusReading.files(json: Array(#"{"models":{}}"#.utf8)) }
    }

    @Test("it fits every terminal")
    func fits() throws {
        var service = FakeService(models: (0..<30).map { "model-\($0)-\(String(repeating: "x", count: $0))" })
        for kind in 0..<20 { service.problems["kind-\(kind)"].add(kind + 1) }
        service.withheld = String(repeating: "why ", count: 30)
        var page = page(try service.reading(at: 2), since: try service.reading(at: 1))
        page.notice = String(repeating: "no news ", count: 20)
        for width in 1...130 {
            for height in [1, 2, 5, 10, 19, 20, 24, 50] {
                let lines = page.lines(width: width, height: height)
                let fits = lines.count <= height && lines.allSatisfy { $0.count <= width && $0.last != " " }
                #expect(fits, "\(width)x\(height)")
            }
        }
        #expect(page.lines(width: 80, height: 24).count == 24)
    }

    @Test("of many models those that need a look are shown, and how many are not")
    func manyModels() throws {
        var service = FakeService(models: (0..<40).map { "m\($0)" })
        var files = (0..<40).map { StatusReading.ModelFile.file("m\($0)") }
        files[7].default = true
        files[31] = .file("m31", failure: "the file is damaged")
        files[33] = .file("m33", phase: "loading")
        service.files = files
        for kind in 0..<9 { service.problems["kind-\(kind)"].add(kind + 1) }
        let reading = try service.reading(at: 1)
        let lines = page(reading).lines(width: 80, height: 24)
        #expect(lines.count == 24)
        let models = lines.drop { !$0.hasPrefix("MODEL") }.dropFirst().prefix { !$0.isEmpty }
        let names = models.filter { $0.first == "m" }.compactMap { $0.split(separator: " ").first }
        #expect(names.prefix(4) == ["m7", "m31", "m33", "m0"])
        #expect(models.contains("  not loaded 2026-11-30T09:12:40Z: the file is damaged"))
        #expect(models.last == "and \(40 - names.count) more models: \(40 - names.count) serving")
        #expect(lines.last?.hasPrefix("and ") == true && lines.last?.hasSuffix(" more kinds") == true)
        // without a height all are shown
        let all = page(reading).lines(width: 80)
        #expect(all.count { $0.first == "m" } == 40 && !all.contains { $0.hasPrefix("and ") })
    }

    @Test("long names give way on narrow terminals, and columns from the right")
    func longNames() throws {
        let name = String(repeating: "abcdefgh", count: 8)
        let reading = try FakeService(models: [name]).reading(at: 1)
        #expect(page(reading).lines(width: 200).contains { $0.hasPrefix(name + " *  serving") })
        let narrow = page(reading).lines(width: 60)
        let line = narrow.first { $0.hasPrefix("abcdefgh") } ?? ""
        #expect(line.split(separator: " ") == ["abcdefghabc…", "serving", "-", "-", "no", "-", "3.0", "MiB"])
        let titles = page(reading).lines(width: 30).first { $0.hasPrefix("MODEL") }
        #expect(titles?.split(separator: " ") == ["MODEL", "PHASE", "ROWS/S"])
    }

    @Test("control characters of a service reach no terminal, in no format")
    func controlCharacters() throws {
        let evil = "a\u{1B}[31mb\u{9B}2Jc\nd\re\tf\u{7F}g\u{202E}h\u{2028}i\u{0}j"
        var service = FakeService(models: [evil])
        service.problems[evil].add()
        service.health.status = evil
        let json = JSON.object([
            .init("status", .string(evil)), .init("version", .string(evil)), .init("model", .string(evil)),
        ]).encoded
        service.health = try StatusReading.Health(json: json)
        let files: JSON = [
            "models": .array([
                [
                    "name": .string(evil), "file": .string(evil), "phase": .string(evil), "incoming": .string(evil),
                    "failure": ["time": .string(evil), "reason": .string(evil)],
                ]
            ])
        ]
        service.files = try StatusReading.files(json: files.encoded)
        let reading = try service.reading(at: 1)
        var page = page(reading)
        page.notice = evil
        page.address = evil
        let text = page.lines(width: 300).joined()
        #expect(text.contains("a?[31mb?2Jc?d"))
        let isPlain = text.unicodeScalars.allSatisfy { (" "..."~").contains($0) || $0 == "≤" || $0 == "…" }
        #expect(isPlain)
        let object = String(decoding: StatusFigures(reading).json(address: "a").encoded, as: UTF8.self)
        #expect(object.contains("a\u{FFFD}[31mb"))
        let isHarmless = object.unicodeScalars.allSatisfy {
            $0.properties.generalCategory != .control && $0 != "\u{202E}"
        }
        #expect(isHarmless)
    }

    @Test("a certificate's end, and lines of the log that are lost, are told")
    func warnings() throws {
        let service = FakeService()
        let lost = service.set.counter("dropped_log_lines", "")
        service.set.declare("tls_certificate_expiry_seconds", "", .gauge, series: { [.init([], .number(1999))] })
        let old = try service.reading(at: 1)
        lost.add(3)
        let lines = page(try service.reading(at: 2), since: old).lines(width: 80)
        #expect(lines.contains { $0.hasPrefix("now") && $0.hasSuffix("certificate EXPIRED") })
        #expect(lines.contains { $0.hasPrefix("last 1.0 s") && $0.hasSuffix("3 log lines lost") })
        #expect(StatusText.time(13 * 86_400 + 61) == "13 d 1:01")
    }

    @Test("numbers are short")
    func numbers() {
        for (value, text) in [
            (0, "0"), (1, "1"), (0.25, "0.3"), (9.94, "9.9"), (9.96, "10"), (812.4, "812"), (1024, "1,024"),
            (1024.5, "1.0k"), (9999, "9,999"), (10_000, "10k"), (3_200_000, "3.2M"), (999_600, "1.0M"), (1e18, "1000P"),
            (.infinity, "inf"),
        ] as [(Double, String)] { #expect(StatusText.number(value) == text) }
        #expect(StatusText.number(nil) == "-" && StatusText.bytes(nil) == "-")
        for (value, text) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (312 * 1_048_576, "312 MiB")]
            as [(Double, String)]
        {
            #expect(StatusText.bytes(value) == text)
        }
        for (seconds, text) in [
            (0.0001, "0.1 ms"), (0.00025, "0.25 ms"), (0.05, "50 ms"), (1, "1 s"), (2.5, "2.5 s"), (60, "60 s"),
        ] {
            #expect(StatusText.seconds(seconds) == text)
        }
        let beyond = HistogramReading(bounds: [1, 60], counts: [0, 0, 1], sum: 99)
        #expect(StatusText.quantile(0.5, of: beyond) == ">60 s")
        #expect(StatusText.quantile(0.5, of: HistogramReading(bounds: [1], counts: [0, 0], sum: 0)) == "-")
        #expect(StatusText.share(1, of: 0) == "-" && StatusText.share(nil, of: 1) == "-")
    }
}
