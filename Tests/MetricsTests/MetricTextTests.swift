import Metrics
import Testing

@Suite("Metrics as text")
struct MetricTextTests {
    private let readings: [MetricReading] = {
        let set = MetricSet()
        set.info("build", "What this is.", [MetricLabel("version", "1.0")])
        set.counter("rows", "Rows.", labels: ["model"])["a\"b\\c\nd"].add(3)
        set.gauge("queued_rows", "Rows that \"wait\".").add(2)
        set.histogram("wait_seconds", "Time\nof waiting.", bounds: [0.0001, 1], labels: ["lane"])["parallel"].observe(
            0.5)
        set.declare("process_cpu_seconds", "Time.", .counter, series: { [.init([], .number(1.5))] })
        for (name, value) in [("a", Double.nan), ("b", .infinity), ("c", -.infinity), ("d", -.nan)] {
            set.declare(name, "Odd.", .gauge, series: { [.init([], .number(value))] })
        }
        return set.readings
    }()

    @Test("the text format of Prometheus")
    func prometheus() {
        #expect(
            MetricText.prometheus.text(of: readings) == #"""
                # HELP tusk_build_info What this is.
                # TYPE tusk_build_info gauge
                tusk_build_info{version="1.0"} 1
                # HELP tusk_rows_total Rows.
                # TYPE tusk_rows_total counter
                tusk_rows_total{model="a\"b\\c\nd"} 3
                # HELP tusk_queued_rows Rows that "wait".
                # TYPE tusk_queued_rows gauge
                tusk_queued_rows 2
                # HELP tusk_wait_seconds Time\nof waiting.
                # TYPE tusk_wait_seconds histogram
                tusk_wait_seconds_bucket{lane="parallel",le="0.0001"} 0
                tusk_wait_seconds_bucket{lane="parallel",le="1.0"} 1
                tusk_wait_seconds_bucket{lane="parallel",le="+Inf"} 1
                tusk_wait_seconds_sum{lane="parallel"} 0.5
                tusk_wait_seconds_count{lane="parallel"} 1
                # HELP process_cpu_seconds_total Time.
                # TYPE process_cpu_seconds_total counter
                process_cpu_seconds_total 1.5
                # HELP tusk_a Odd.
                # TYPE tusk_a gauge
                tusk_a NaN
                # HELP tusk_b Odd.
                # TYPE tusk_b gauge
                tusk_b +Inf
                # HELP tusk_c Odd.
                # TYPE tusk_c gauge
                tusk_c -Inf
                # HELP tusk_d Odd.
                # TYPE tusk_d gauge
                tusk_d NaN

                """#)
    }

    @Test("OpenMetrics: kinds and units of its own, and an end")
    func openMetrics() {
        #expect(
            MetricText.openMetrics.text(of: Array(readings[..<5])) == #"""
                # HELP tusk_build What this is.
                # TYPE tusk_build info
                tusk_build_info{version="1.0"} 1
                # HELP tusk_rows Rows.
                # TYPE tusk_rows counter
                tusk_rows_total{model="a\"b\\c\nd"} 3
                # HELP tusk_queued_rows Rows that \"wait\".
                # TYPE tusk_queued_rows gauge
                tusk_queued_rows 2
                # HELP tusk_wait_seconds Time\nof waiting.
                # TYPE tusk_wait_seconds histogram
                # UNIT tusk_wait_seconds seconds
                tusk_wait_seconds_bucket{lane="parallel",le="0.0001"} 0
                tusk_wait_seconds_bucket{lane="parallel",le="1.0"} 1
                tusk_wait_seconds_bucket{lane="parallel",le="+Inf"} 1
                tusk_wait_seconds_sum{lane="parallel"} 0.5
                tusk_wait_seconds_count{lane="parallel"} 1
                # HELP process_cpu_seconds Time.
                # TYPE process_cpu_seconds counter
                # UNIT process_cpu_seconds seconds
                process_cpu_seconds_total 1.5
                # EOF

                """#)
        #expect(MetricText.allCases.map(\.contentType).allSatisfy { $0.hasSuffix("; charset=utf-8") })
    }
}
