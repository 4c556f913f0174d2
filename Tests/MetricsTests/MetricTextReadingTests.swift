import Metrics
import Testing

@Suite("Metrics read from text")
struct MetricTextReadingTests {
    private static let set: MetricSet = {
        let set = MetricSet()
        set.info("build", "What this is.", [MetricLabel("version", "1.0")])
        let rows = set.counter("rows", "Rows\n\\ \"quoted\".", labels: ["model", "work"])
        rows["a\"b\\c\nd,{}= e", "x"].add(3)
        rows["ä", ""].add(1)
        set.gauge("queued_rows", "Rows that wait.").add(2)
        set.gauge("below", "Less than nothing.").subtract(4)
        let times = set.histogram("wait_seconds", "Time.", bounds: [0.0001, 1, 60], labels: ["lane"])
        for value in [0.5, 2, 100, 0] { times["parallel"].observe(value) }
        _ = times["sequential"]
        set.histogram("batch_rows", "Rows.", bounds: [1, 2]).observe(2)
        set.declare("process_cpu_seconds", "Time.", .counter, series: { [.init([], .number(1.5))] })
        set.declare("none", "No series.", .gauge, series: { [] })
        for (name, value) in [("b", Double.infinity), ("c", -.infinity), ("d", 1e-300)] {
            set.declare(name, "Odd.", .gauge, series: { [.init([], .number(value))] })
        }
        return set
    }()

    private static var text: String { MetricText.openMetrics.text(of: set.readings) }

    @Test("are those that were written, without their help")
    func roundTrip() throws {
        let expected = Self.set.readings.map { reading in
            var reading = reading
            reading.help = ""
            return reading
        }
        let readings = try MetricText.readings(ofOpenMetrics: Self.text)
        #expect(readings == expected)
        #expect(try MetricText.readings(ofOpenMetrics: "# EOF\n").isEmpty)
    }

    @Test("text that is cut off anywhere is told from a whole one")
    func cutOff() throws {
        let bytes = Array(Self.text.utf8)
        for count in 0..<bytes.count - 1 {
            let text = String(decoding: bytes.prefix(count), as: UTF8.self)
            #expect(throws: MetricTextError.self) { try MetricText.readings(ofOpenMetrics: text) }
        }
        // the end of the last line alone
        let whole = try MetricText.readings(ofOpenMetrics: String(Self.text.dropLast()))
        #expect(whole.count == Self.set.readings.count)
    }

    @Test("kinds that are not known are passed over, and so are times and exemplars behind a value")
    func unknown() throws {
        let text = """
            # TYPE tusk_a stateset
            tusk_a{tusk_a="on"} 1
            # TYPE tusk_b counter
            tusk_b_total{m="x"} 5 1700000000.1 # {trace_id="1"} 1
            # EOF
            """
        let readings = try MetricText.readings(ofOpenMetrics: text)
        #expect(
            readings == [
                MetricReading(
                    name: "b", help: "", kind: .counter,
                    series: [.init([MetricLabel("m", "x")], .integer(5))])
            ])
    }

    @Test(
        "a line that is none is named",
        arguments: [
            "tusk_other 1", "tusk_a", "tusk_a ", "tusk_a x", "tusk_a{m=\"x\" 1", "tusk_a{m=\"x\"}1", "tusk_a{m=x} 1",
            "tusk_a{m=\"x\"n=\"y\"} 1", "tusk_a{m} 1", "tusk_a{m=\"\\", "# TYPE tusk_a", "<html>",
        ])
    func malformed(_ line: String) {
        let text = "# TYPE tusk_a gauge\n\(line)\n# EOF\n"
        #expect(throws: MetricTextError.line(2)) { try MetricText.readings(ofOpenMetrics: text) }
    }

    @Test(
        "buckets that are no histogram's are refused",
        arguments: [
            [("1.0", 1)], [("1.0", 2), ("+Inf", 1)], [("2.0", 1), ("1.0", 1), ("+Inf", 1)],
            [("1.0", 1), ("+Inf", 1), ("+Inf", 1)], [("x", 1), ("+Inf", 1)],
        ])
    func histograms(_ buckets: [(String, Int)]) {
        let lines = buckets.map { "tusk_a_bucket{le=\"\($0.0)\"} \($0.1)\n" }.joined()
        #expect(throws: MetricTextError.self) {
            try MetricText.readings(ofOpenMetrics: "# TYPE tusk_a histogram\n\(lines)# EOF\n")
        }
    }

    @Test("nothing is read behind the end")
    func afterEnd() {
        #expect(throws: MetricTextError.line(2)) { try MetricText.readings(ofOpenMetrics: "# EOF\nx\n") }
    }
}
