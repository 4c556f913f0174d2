internal import Glibc

/// One axis of a plot: its range and round numbers to mark on it.
struct PlotAxis {
    let low: Double
    let high: Double
    /// Marked values within the range and how they are written.
    let ticks: [(value: Double, label: String)]

    /// An axis for the finite ones of `values`, with about `count` ticks.
    ///
    /// Steps are 1, 2 or 5 times a power of ten (Heckbert, *Nice Numbers for Graph Labels*, Graphics Gems, 1990). With
    /// `margin`, there is a twentieth of free room at both ends.
    init(values: some Sequence<Double>, range: ClosedRange<Double>?, count: Int, margin: Bool) {
        // Beyond this a difference of two values may overflow.
        let finite = values.filter { abs($0) < 1e300 }
        var low = range?.lowerBound ?? finite.min() ?? 0
        var high = range?.upperBound ?? finite.max() ?? 1
        if !(high - low > max(abs(low), abs(high)) * 1e-9 + 1e-280) {
            let room = max(abs(high) * 0.1, 0.5)
            (low, high) = (low - room, high + room)
        } else if margin && range == nil {
            let room = (high - low) / 20
            (low, high) = (low - room, high + room)
        }
        let rough = (high - low) / Double(max(1, count))
        let power = pow(10, log10(rough).rounded(.down))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
        let digits = max(0, Int((-log10(step)).rounded(.up)))
        let first = (low / step).rounded(.up)
        var ticks: [(value: Double, label: String)] = []
        // At most `count` steps fit; the bound guards against rounding.
        for index in 0...2 * count {
            let value = (first + Double(index)) * step
            if value > high + step * 1e-6 { break }
            ticks.append((value, Self.format(value, digits: digits)))
        }
        (self.low, self.high, self.ticks) = (low, high, ticks)
    }

    /// Position of `value`, from 0 at `low` to 1 at `high`.
    func position(_ value: Double) -> Double { (value - low) / (high - low) }

    /// Text of `value` with `digits` digits after the point, or as Swift writes it when that would be long.
    static func format(_ value: Double, digits: Int) -> String {
        guard digits <= 6 else { return "\(value)" }
        let scaled = (value * pow(10, Double(digits))).rounded()
        guard abs(scaled) < 1e12 else { return "\(value)" }
        let number = String(Int64(abs(scaled)))
        let sign = scaled < 0 ? "-" : ""
        guard digits > 0 else { return sign + number }
        let padded = String(repeating: "0", count: max(0, digits + 1 - number.count)) + number
        return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
    }
}
