/// Reason why a text is not the OpenMetrics text that ``MetricText/readings(ofOpenMetrics:)`` reads.
public enum MetricTextError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line of this number, from 1 on, is none of the format.
    case line(Int)
    /// The text ends before the line that says that it is whole.
    case cutOff

    public var description: String {
        switch self {
        case .line(let number): "line \(number) is none of OpenMetrics"
        case .cutOff: "the text is cut off"
        }
    }
}

extension MetricText {
    /// Metrics that OpenMetrics text has, as ``text(of:)`` writes it: names without prefix and endings, and without the help. Metrics of
    /// kinds that are not known here are passed over.
    public static func readings(ofOpenMetrics text: String) throws(MetricTextError) -> [MetricReading] {
        var reader = MetricTextReader()
        var number = 0
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard !reader.isEnded else {
                if line.isEmpty { continue }
                throw .line(number)
            }
            guard reader.read(line) else { throw .line(number) }
        }
        guard reader.isEnded else { throw .cutOff }
        return reader.readings
    }
}

/// Reader of OpenMetrics text, line by line.
private struct MetricTextReader {
    /// Histogram as its lines come: counts of the values up to each bound.
    private struct Buckets {
        var bounds: [Double] = []
        var upTo: [Int] = []
        var sum = 0.0
    }

    private(set) var readings: [MetricReading] = []
    private(set) var isEnded = false
    /// Family of the lines that follow; nil before the first, and for one of a kind that is not known.
    private var family: (name: String, kind: MetricKind)?
    private var buckets: [[MetricLabel]: Buckets] = [:]
    /// Labels of the histograms of the family, in the order in which they came.
    private var order: [[MetricLabel]] = []

    /// - Returns: whether the line is one of the format.
    mutating func read(_ line: Substring.UTF8View) -> Bool {
        guard line.first == UInt8(ascii: "#") else { return family == nil || readSample(line) }
        let words = Substring(line).split(separator: " ", maxSplits: 3)
        if words.count == 2, words[1] == "EOF" {
            isEnded = true
            return endFamily()
        }
        guard words.count == 4, words[1] == "TYPE" else { return words.count > 2 && words[1] != "TYPE" }
        guard endFamily() else { return false }
        family = MetricKind(rawValue: String(words[3])).map { (String(words[2]), $0) }
        guard let family else { return true }
        let name =
            family.name.hasPrefix(MetricText.prefix) ? family.name.dropFirst(MetricText.prefix.count) : family.name[...]
        readings.append(MetricReading(name: String(name), help: "", kind: family.kind, series: []))
        return true
    }

    private mutating func readSample(_ line: Substring.UTF8View) -> Bool {
        guard let family, let end = line.firstIndex(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: " ") })
        else {
            return false
        }
        let name = Substring(line[..<end])
        guard name.hasPrefix(family.name) else { return false }
        var rest = line[end...]
        guard var labels = rest.first == UInt8(ascii: "{") ? readLabels(&rest) : [] else { return false }
        // what may follow the value is of no use here
        guard rest.popFirst() == UInt8(ascii: " "),
            let value = number(Substring(rest.prefix { $0 != UInt8(ascii: " ") }))
        else { return false }
        guard family.kind == .histogram else {
            readings[readings.count - 1].series.append(MetricReading.Series(labels, value))
            return true
        }
        var bound: Double?
        if name.hasSuffix("_bucket") {
            guard let place = labels.firstIndex(where: { $0.name == "le" }), let le = Double(labels[place].value) else {
                return false
            }
            labels.remove(at: place)
            bound = le
        }
        if buckets[labels] == nil { order.append(labels) }
        if let bound {
            guard case .integer(let count) = value else { return false }
            buckets[labels, default: Buckets()].bounds.append(bound)
            buckets[labels, default: Buckets()].upTo.append(count)
        } else if name.hasSuffix("_sum") {
            buckets[labels, default: Buckets()].sum = value.number
        }
        return true
    }

    /// Reads `{name="value",…}`; nil where it is not that.
    private func readLabels(_ rest: inout Substring.UTF8View) -> [MetricLabel]? {
        rest.removeFirst()
        var labels: [MetricLabel] = []
        while rest.first != UInt8(ascii: "}") {
            if !labels.isEmpty, rest.popFirst() != UInt8(ascii: ",") { return nil }
            guard let end = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            let name = String(Substring(rest[..<end]))
            rest = rest[rest.index(after: end)...]
            guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
            var value: [UInt8] = []
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                guard byte == UInt8(ascii: "\\") else {
                    value.append(byte)
                    continue
                }
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
            }
            labels.append(MetricLabel(name, String(decoding: value, as: UTF8.self)))
        }
        rest.removeFirst()
        return labels
    }

    private func number(_ text: Substring) -> MetricValue? {
        if let whole = Int(text) { return .integer(whole) }
        return Double(text).map(MetricValue.number)
    }

    /// Puts the histograms of the family together.
    /// - Returns: whether their buckets are histograms: rising bounds, the last infinite, and counts that do not fall.
    private mutating func endFamily() -> Bool {
        for labels in order {
            guard let one = buckets[labels], one.bounds.last == .infinity,
                zip(one.bounds, one.bounds.dropFirst()).allSatisfy({ $0 < $1 }),
                zip([0] + one.upTo, one.upTo).allSatisfy({ $0 <= $1 })
            else { return false }
            let reading = HistogramReading(
                bounds: one.bounds.dropLast(), counts: zip(one.upTo, [0] + one.upTo).map { $0 - $1 }, sum: one.sum)
            readings[readings.count - 1].series.append(MetricReading.Series(labels, .histogram(reading)))
        }
        (family, buckets, order) = (nil, [:], [])
        return true
    }
}
