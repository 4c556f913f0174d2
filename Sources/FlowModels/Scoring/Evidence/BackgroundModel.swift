public import FlowCore
import Glibc

/// Small model of what images are like close up: the density of a pixel given its left and its upper neighbour alone.
///
/// A flow gives a high density to whatever is smooth, and so does this model, which knows nothing else. The ratio of the two says what
/// the flow knows beyond that:
///
///     log p(y) − log p_background(y)
///
/// It is a table of counts over the training images, for each channel by itself. A pixel's level falls into one of ``levelBins``
/// bins, a neighbour's into one of ``contextBins``, or outside of the image, which is a context of its own. Within a bin levels are
/// equally probable. A fraction ``mutation`` of the pixels counts as drawn anew at random, as the source perturbs its training images.
///
///     p(x | context) = (1 − μ) (n + a)/(N + a B) / levels of the bin + μ / levels
///
/// Source: Ren et al., *Likelihood Ratios for Out-of-Distribution Detection* (2019), §3, arXiv:1906.02845, whose background model is a
/// network; Serrà et al. (2020), arXiv:1909.11480, §4, for compressors in its place.
public struct BackgroundModel: Sendable, Codable, Equatable {
    /// Counts of pixels, `[channels, contexts, bins]`.
    public private(set) var counts: [Int]
    /// Levels of the images.
    public let levels: Int
    /// Channels of the images.
    public let channels: Int

    /// Bins of a neighbour's level.
    static let contextBins = 8
    /// Bins of a pixel's level; fewer where there are fewer levels.
    static let levelBins = 32
    /// Fraction `μ` of the pixels that count as drawn at random.
    static let mutation = 0.1
    /// Images beyond this one tell the table nothing new, and are not counted.
    public static let mostImages = 10_000
    /// Channels, at most; images of more have no background model.
    public static let mostChannels = 4
    /// Counts that are added to every bin, `a`.
    private static let pseudoCount = 0.5

    /// A model of nothing yet.
    /// - Precondition: `1 ... mostChannels` channels.
    public init(levels: Int, channels: Int) {
        precondition((1...Self.mostChannels).contains(channels))
        self.levels = levels
        self.channels = channels
        counts = Array(repeating: 0, count: channels * Self.contexts * Self.bins(of: levels))
    }

    private static let contexts = (contextBins + 1) * (contextBins + 1)

    private static func bins(of levels: Int) -> Int { min(levels, levelBins) }

    /// Counts an image's pixels.
    /// - Parameter pixels: `[H, W, C]`.
    public mutating func count(_ pixels: ArraySlice<UInt8>, shape: EventShape) {
        Self.visit(pixels, shape, levels: levels) { place, _ in counts[place] += 1 }
    }

    /// Log-density of an image, `log p_background(y)` with `y` in `[0, 1)^D` as a flow's, nats.
    func logProb(_ pixels: [UInt8], shape: EventShape) -> Double {
        let bins = Self.bins(of: levels)
        var sum = 0.0
        Self.visit(pixels[...], shape, levels: levels) { place, levelsOfBin in
            let first = place / bins * bins
            var total = 0
            for b in first..<first + bins { total += counts[b] }
            let known =
                (Double(counts[place]) + Self.pseudoCount) / (Double(total) + Self.pseudoCount * Double(bins))
            let p = (1 - Self.mutation) * known / Double(levelsOfBin) + Self.mutation / Double(levels)
            sum += log(p * Double(levels))
        }
        return sum
    }

    /// Calls `body` for each pixel and channel with its place in ``counts`` and the number of levels that its bin has.
    private static func visit(
        _ pixels: ArraySlice<UInt8>, _ shape: EventShape, levels: Int, _ body: (Int, Int) -> Void
    ) {
        let (width, channels, bins) = (shape.width, shape.channels, bins(of: levels))
        let first = pixels.startIndex
        func context(_ level: UInt8) -> Int { Int(level) * contextBins / levels }
        for y in 0..<shape.height {
            for x in 0..<width {
                for c in 0..<channels {
                    let at = first + (y * width + x) * channels + c
                    let left = x > 0 ? context(pixels[at - channels]) : contextBins
                    let above = y > 0 ? context(pixels[at - channels * width]) : contextBins
                    let bin = Int(pixels[at]) * bins / levels
                    let place = ((c * (contextBins + 1) + left) * (contextBins + 1) + above) * bins + bin
                    // levels l with l · bins / levels == bin
                    let from = (bin * levels + bins - 1) / bins
                    let to = ((bin + 1) * levels + bins - 1) / bins
                    body(place, to - from)
                }
            }
        }
    }

    /// Why the model makes no sense for images of a shape, as the end of a sentence about a field of it; nil where it does.
    func fault(shape: EventShape, levels: Int) -> (field: String, reason: String)? {
        if self.levels != levels { return ("levels", "is \(self.levels), not \(levels)") }
        if channels != shape.channels || channels > Self.mostChannels {
            return ("channels", "is \(channels), not \(shape.channels), or more than \(Self.mostChannels)")
        }
        let expected = channels * Self.contexts * Self.bins(of: levels)
        if counts.count != expected || !counts.allSatisfy({ (0...(1 << 40)).contains($0) }) {
            return ("counts", "are not \(expected) numbers from 0 on")
        }
        return nil
    }
}
