import Metrics

/// Texts of figures for people, a few characters each.
enum StatusText {
    /// What stands where nothing is known.
    static let absent = "-"

    /// Number in at most five characters: `0`, `2.5`, `812`, `1,024`, `32k`.
    static func number(_ value: Double?) -> String {
        guard let value else { return absent }
        if let whole = Int(exactly: value), abs(whole) < 10_000 { return grouped(whole) }
        return scaled(value, by: 1000, ["", "k", "M", "G", "T", "P"])
    }

    /// Bytes: `0 B`, `2.5 KiB`, `312 MiB`.
    static func bytes(_ value: Double?) -> String {
        guard let value else { return absent }
        return scaled(value, by: 1024, [" B", " KiB", " MiB", " GiB", " TiB", " PiB"])
    }

    /// `count` per second of `interval`.
    static func rate(_ count: StatusFigures.Count, _ interval: Double?, _ text: (Double?) -> String = number) -> String?
    {
        guard let last = count.last, let interval else { return nil }
        return text(last / interval)
    }

    /// Bound that the fraction `part` of the values do not exceed: `≤2.5 ms`, `>60 s`.
    static func quantile(_ part: Double, of spread: HistogramReading?) -> String {
        guard let spread, spread.count > 0 else { return absent }
        if let bound = spread.quantile(part) { return "≤" + seconds(bound) }
        return spread.bounds.last.map { ">" + seconds($0) } ?? absent
    }

    /// Mean of the values.
    static func mean(of spread: HistogramReading?) -> String {
        guard let spread, spread.count > 0 else { return absent }
        return number(spread.sum / Double(spread.count))
    }

    /// Part of a whole in percent: `0.4 %`.
    static func share(_ part: Double?, of whole: Double?) -> String {
        guard let part, let whole, whole > 0 else { return absent }
        return number(part / whole * 100) + " %"
    }

    /// Time: `3 d 4:12:33`, `2:03`.
    static func time(_ seconds: Double) -> String {
        let days = Int(min(max(0, seconds), 1e12) / 86_400)
        return days == 0 ? duration(seconds) : "\(grouped(days)) d \(duration(seconds - Double(days) * 86_400))"
    }

    /// Time of less than minutes in as few digits as it has, of ten thousandths of a second: `0.1 ms`, `2.5 s`.
    static func seconds(_ seconds: Double) -> String {
        let (value, unit) = seconds < 1 ? (seconds * 1000, "ms") : (seconds, "s")
        var text = fixed(value, 2)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return "\(text) \(unit)"
    }

    /// `text` as terminals show it anywhere, a column a character.
    static func ascii(_ text: String) -> String {
        String(text.unicodeScalars.map { (" "..."~").contains($0) ? Character($0) : "?" })
    }

    /// `text`, or its begin with a sign that it goes on, in `width` columns.
    static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : width > 0 ? text.prefix(width - 1) + "…" : ""
    }

    private static func scaled(_ value: Double, by factor: Double, _ units: [String]) -> String {
        guard value.isFinite else { return "\(value)" }
        var (value, place) = (value, 0)
        while abs(value) >= factor - 0.5, place < units.count - 1 {
            value /= factor
            place += 1
        }
        let isWhole = place == 0 && value == value.rounded()
        return fixed(value, isWhole || abs(value) >= 9.95 ? 0 : 1) + units[place]
    }
}

/// Table of texts. Where there is too little room its first column gives way, and then columns from the right are left out.
struct TextTable {
    var titles: [String]
    var rows: [[String]]
    /// Columns from the left that begin at their left.
    var leading = 1

    /// Least width of the first column.
    private static let leastFirst = 12

    /// The titles and a line for each row, none wider than `width`.
    func lines(width: Int) -> [String] {
        let all = [titles] + rows
        var widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        let needed = { (gap: Int) in widths.reduce(0, +) + gap * (widths.count - 1) }
        let gap = needed(2) <= width ? 2 : 1
        let whole = widths[0]
        widths[0] = min(whole, Self.leastFirst)
        while widths.count > 1, needed(gap) > width { widths.removeLast() }
        widths[0] = min(whole, max(widths[0], widths[0] + width - needed(gap)))
        return all.map { row in
            var line = ""
            for (column, width) in widths.enumerated() {
                if column > 0 { line += String(repeating: " ", count: gap) }
                let text = StatusText.cut(row[column], to: width)
                let room = String(repeating: " ", count: width - text.count)
                line += column < leading ? text + room : room + text
            }
            while line.last == " " { line.removeLast() }
            return StatusText.cut(line, to: width)
        }
    }
}
