import FlowCore

/// Statistics of an image's latent `z`, of which the model says that its `D` values are independent standard normals.
///
/// Source: the idea, to test the latent of one image for what the base density says of it, is that of likelihood-free
/// goodness-of-fit tests of flows (arXiv:2605.22496); the statistics are moments, Pearson's χ² and serial correlations.
public struct LatentStatistics: Sendable, Equatable, BitwiseCopyable {
    /// `1/D Σ zᵢ`; 0 ± 1/√D of a standard normal.
    public var mean = 0.0
    /// `1/D Σ zᵢ²`; 1 ± √(2/D) of a standard normal.
    public var meanSquare = 0.0
    /// `1/D Σ zᵢ⁴`; 3 of a standard normal.
    public var fourthMoment = 0.0
    /// `max |zᵢ|`.
    public var largest = 0.0
    /// Pearson's `χ²/D` of the counts of values in ``cells`` intervals that are equally probable under a standard normal.
    public var chiSquare = 0.0
    /// `1/D Σ zᵢ zⱼ` with `j` the neighbour of `i` to the right, in the order of the flow's latent.
    public var rowCorrelation = 0.0
    /// `1/D Σ zᵢ zⱼ` with `j` the neighbour of `i` below, in the order of the flow's latent.
    public var columnCorrelation = 0.0

    /// Intervals of ``chiSquare``.
    public static let cells = 16

    /// Statistics of nothing.
    public init() {}

    /// Computes the statistics of the latent at `values[offset...]`, `[H, W, C]`, in one pass and without allocating.
    init(_ values: [Float], offset: Int, shape: EventShape) {
        let dims = shape.dims
        let (right, below) = (shape.channels, shape.channels * shape.width)
        var counts = InlineArray<16, Int>(repeating: 0)
        for i in 0..<dims {
            let z = Double(values[offset + i])
            let square = z * z
            mean += z
            meanSquare += square
            fourthMoment += square * square
            largest = max(largest, abs(z))
            if i + right < dims { rowCorrelation += z * Double(values[offset + i + right]) }
            if i + below < dims { columnCorrelation += z * Double(values[offset + i + below]) }
            counts[Self.cell(of: z)] += 1
        }
        let count = Double(dims)
        mean /= count
        meanSquare /= count
        fourthMoment /= count
        rowCorrelation /= count
        columnCorrelation /= count
        let expected = count / Double(Self.cells)
        for c in 0..<Self.cells {
            chiSquare += (Double(counts[c]) - expected) * (Double(counts[c]) - expected) / expected / count
        }
    }

    /// Quantiles `k/16` of the standard normal for `k = 9 … 15`; the others are these with the other sign, and 0.
    private static let quantiles: InlineArray<7, Double> = [
        0.15731068461017, 0.31863936396437, 0.48877641111467, 0.67448975019608, 0.88714655901888, 1.1503493803760,
        1.5341205443525,
    ]

    /// Index of the interval that holds `z`; that of a NaN is the first.
    private static func cell(of z: Double) -> Int {
        let magnitude = abs(z)
        var above = 0
        while above < 7, magnitude > quantiles[above] { above += 1 }
        return z > 0 ? cells / 2 + above : cells / 2 - 1 - above
    }
}
