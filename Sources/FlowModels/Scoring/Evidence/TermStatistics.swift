import FlowCore

/// Statistics of an image's per-pixel terms `log p(y_i | pixels before)`, nats, whose sum is its log-density.
///
/// Their sum says how probable the image is; these say how the terms are spread over it: outliers have pixels that surprise in
/// stretches, or many that are a little less probable, where the sum is as of a learned image.
public struct TermStatistics: Sendable, Equatable, BitwiseCopyable {
    /// Standard deviation of the terms, nats.
    public var spread = 0.0
    /// Fraction of pixels whose term is below 0: less probable than if all levels were.
    public var unlikely = 0.0
    /// Most such pixels next to each other in a row, as a fraction of the row.
    public var longestRun = 0.0
    /// Correlation of each pixel's term with the mean of its right and lower neighbours'; 0 where all terms are equal.
    public var correlation = 0.0

    /// Statistics of nothing.
    public init() {}

    /// Computes the statistics of the terms at `terms[offset...]`, `[H, W, C]`, which are added up over channels.
    init(_ terms: [Float], offset: Int, shape: EventShape) {
        let (width, height, channels) = (shape.width, shape.height, shape.channels)
        let count = Double(width * height)
        func term(_ y: Int, _ x: Int) -> Double {
            var sum = 0.0
            for c in 0..<channels { sum += Double(terms[offset + (y * width + x) * channels + c]) }
            return sum
        }
        var (sum, squares, below, longest) = (0.0, 0.0, 0, 0)
        for y in 0..<height {
            var run = 0
            for x in 0..<width {
                let t = term(y, x)
                sum += t
                squares += t * t
                run = t < 0 ? run + 1 : 0
                if t < 0 { below += 1 }
                longest = max(longest, run)
            }
        }
        let mean = sum / count
        let variance = max(0, squares / count - mean * mean)
        spread = variance.squareRoot()
        unlikely = Double(below) / count
        longestRun = Double(longest) / Double(width)
        guard variance > 0 else { return }
        var products = 0.0
        for y in 0..<height {
            for x in 0..<width {
                let right = x + 1 < width ? term(y, x + 1) - mean : 0
                let lower = y + 1 < height ? term(y + 1, x) - mean : 0
                products += (term(y, x) - mean) * (right + lower) / 2
            }
        }
        correlation = products / count / variance
    }
}
