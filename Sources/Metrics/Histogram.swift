import Synchronization

/// Counts of observed values by buckets, and their sum; observed from any thread.
public final class Histogram: Sendable {
    /// Upper bounds of the buckets but the last.
    public let bounds: [Double]
    private let state: Mutex<(counts: [Int], sum: Double)>

    /// A histogram without values.
    /// - Parameter bounds: finite and rising; values above the last have a bucket too.
    public init(bounds: [Double]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 } && bounds.allSatisfy(\.isFinite))
        self.bounds = bounds
        state = Mutex((Array(repeating: 0, count: bounds.count + 1), 0))
    }

    /// Counts a value, which must be finite and not negative: the sum could not be trusted any more, and would fall.
    public func observe(_ value: Double) {
        precondition(value.isFinite && value >= 0, "a histogram takes finite values from 0 on")
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    /// Counts a duration in seconds; a negative one, of a clock that was read twice in the wrong order, as zero.
    public func observe(_ duration: Duration) { observe(max(0, duration / .seconds(1))) }

    /// The values until now.
    public var reading: HistogramReading {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        return HistogramReading(bounds: bounds, counts: counts, sum: sum)
    }

    /// Bounds for times in seconds, from 0.1 ms to 60 s.
    public static let times = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    /// Bounds for numbers of rows, powers of two.
    public static let rows: [Double] = [1, 2, 4, 8, 16, 32, 64, 128, 256]
    /// Bounds for fractions, 0 to 1, closer at the lower end.
    public static let fractions = [
        0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
    ]
    /// Bounds for percentiles, 0 to 100, closer at both ends, where drift shows first.
    public static let percentiles: [Double] = [
        0.1, 1, 2.5, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 97.5, 99, 99.9, 100,
    ]
}
