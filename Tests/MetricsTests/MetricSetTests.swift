import Metrics
import Testing

@Suite("Metrics")
struct MetricSetTests {
    private func reading(_ name: String, _ help: String, _ kind: MetricKind, _ value: Int) -> MetricReading {
        MetricReading(name: name, help: help, kind: kind, series: [.init([], .integer(value))])
    }

    @Test("what was counted is read from the set, in the order of declaration")
    func samples() {
        let set = MetricSet()
        let answers = set.counter("answers", "Answers that were sent.")
        let open = set.gauge("open", "Open connections.")
        set.declare("limit", "Most connections.", .gauge) { 7 }
        answers.add()
        answers.add(4)
        answers.add(0)
        open.add(3)
        open.subtract()
        #expect(
            set.readings == [
                reading("answers", "Answers that were sent.", .counter, 5),
                reading("open", "Open connections.", .gauge, 2), reading("limit", "Most connections.", .gauge, 7),
            ])
        #expect(set.readings(of: ["limit", "none"]) == [reading("limit", "Most connections.", .gauge, 7)])
        #expect(set["answers"] == 5)
        #expect(set["closed"] == nil)
    }

    @Test("a series for each combination of labels, in the order of their values; those of a value can end")
    func labels() {
        let set = MetricSet()
        let rows = set.counter("rows", "Rows.", labels: ["model", "work"])
        rows["b", "x"].add(2)
        rows["a", "y"].add(1)
        rows["b", "x"].add(3)
        rows["a", "x"].add(7)
        func values() -> [[String]] {
            set.readings[0].series.map { $0.labels.map(\.value) + ["\($0.value.number)"] }
        }
        #expect(values() == [["a", "x", "7.0"], ["a", "y", "1.0"], ["b", "x", "5.0"]])
        #expect(set["rows"] == 13)
        set.end("work", "a")
        set.end("lane", "a")
        #expect(values().count == 3)
        set.end("model", "a")
        #expect(values() == [["b", "x", "5.0"]])
    }

    @Test("a histogram counts a value in the first bucket that holds it")
    func histogram() {
        let histogram = Histogram(bounds: [1, 2.5])
        for value in [0, 1, 1.5, 2.5, 2.6, 100] { histogram.observe(value) }
        histogram.observe(Duration.milliseconds(500))
        histogram.observe(Duration.milliseconds(-500))
        #expect(histogram.reading == HistogramReading(bounds: [1, 2.5], counts: [4, 2, 2], sum: 108.1))
        #expect(histogram.reading.count == 8)
    }

    @Test("a quantile is the bound of the bucket that it is in")
    func quantiles() {
        #expect(HistogramReading(bounds: [1, 2], counts: [0, 0, 0], sum: 0).quantile(0.5) == nil)
        let reading = HistogramReading(bounds: [1, 2, 4], counts: [2, 0, 2, 1], sum: 9)
        #expect(reading.quantile(0) == 1)
        #expect(reading.quantile(0.4) == 1)
        #expect(reading.quantile(0.41) == 4)
        #expect(reading.quantile(0.8) == 4)
        #expect(reading.quantile(1) == nil)
        #expect(reading.adding(reading).counts == [4, 0, 4, 2])
        #expect(reading.adding(reading).sum == 18)
    }

    @Test("counting on many threads at a time loses nothing")
    func threads() async {
        let set = MetricSet()
        let (counter, gauge) = (set.counter("a", "A."), set.gauge("b", "B."))
        let labelled = set.counter("c", "C.", labels: ["d"])
        let histogram = set.histogram("e", "E.", bounds: [1])
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.add()
                        gauge.add(2)
                        gauge.subtract()
                        labelled["x"].add()
                        histogram.observe(1.0)
                    }
                }
            }
        }
        #expect(set.readings.map(\.total) == [8000, 8000, 8000, 8000])
        #expect(histogram.reading.sum == 8000)
    }

    @Test("names are unique, a counter does not fall, and a sum stays a number")
    func programmingErrors() async {
        await #expect(processExitsWith: .failure) {
            let set = MetricSet()
            _ = set.counter("a", "A.")
            _ = set.gauge("a", "A.")
        }
        await #expect(processExitsWith: .failure) { Counter().add(-1) }
        await #expect(processExitsWith: .failure) { Histogram(bounds: [1]).observe(Double.nan) }
        await #expect(processExitsWith: .failure) { Histogram(bounds: [1]).observe(-1.0) }
        await #expect(processExitsWith: .failure) { _ = Histogram(bounds: [2, 1]) }
    }
}
