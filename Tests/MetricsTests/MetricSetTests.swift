import Metrics
import Testing

@Suite("Metrics")
struct MetricSetTests {
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
                .init(name: "answers", help: "Answers that were sent.", kind: .counter, value: 5),
                .init(name: "open", help: "Open connections.", kind: .gauge, value: 2),
                .init(name: "limit", help: "Most connections.", kind: .gauge, value: 7),
            ])
    }

    @Test("counting on many threads at a time loses nothing")
    func threads() async {
        let set = MetricSet()
        let (counter, gauge) = (set.counter("a", "A."), set.gauge("b", "B."))
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        counter.add()
                        gauge.add(2)
                        gauge.subtract()
                    }
                }
            }
        }
        #expect(set.readings.map(\.value) == [8000, 8000])
    }

    @Test("names are unique, and a counter does not fall")
    func programmingErrors() async {
        await #expect(processExitsWith: .failure) {
            let set = MetricSet()
            _ = set.counter("a", "A.")
            _ = set.gauge("a", "A.")
        }
        await #expect(processExitsWith: .failure) { Counter().add(-1) }
    }
}
