import Glibc
import FlowCore

/// From a discrete image `x` to what a flow sees, and back.
///
///     y = (x + u)/levels          uniform dequantization, u in (0, 1)
///     s = α + (1 − 2α) y          keeps the logit finite
///     w = ln s − ln(1 − s)        the flow's input
///
///     log p(y) = log p(w) + D · ln(1 − 2α) − Σ [ln s + ln(1 − s)]
///
/// Source: Papamakarios et al., *MAF* (2017), §4.3 and appendix D; Theis et al. (2016), §3.1, for the dequantization.
/// In double precision: near `s = 1` single precision has no digits left for `1 − s`.
public struct Preprocessing: Sendable, Equatable {
    /// Values are `0 ..< levels`; 2 to 256.
    public let levels: Int
    /// `α`, in `(0, 0.5)`.
    public let logitAlpha: Double

    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
    public init(levels: Int, logitAlpha: Double) throws {
        guard (2...256).contains(levels) else {
            throw FlowError.outOfRange(argument: "levels", value: "\(levels)", allowed: "2 to 256")
        }
        guard logitAlpha > 0, logitAlpha < 0.5 else {
            throw FlowError.outOfRange(
                argument: "logit_alpha", value: "\(logitAlpha)", allowed: "above 0 and below 0.5")
        }
        self.levels = levels
        self.logitAlpha = logitAlpha
    }

    /// One image as the flow's input, written to `w` (both `D` long), with `noise` in (0, 1).
    /// - Returns: `log |∂w/∂y|`: add it to `log p(w)` to have `log p(y)`, nats.
    public func latentInput(pixels: ArraySlice<UInt8>, noise: [Float], w: inout MutableSpan<Float>) -> Double {
        precondition(noise.count == pixels.count && w.count == pixels.count)
        let squeeze = 1 - 2 * logitAlpha
        let step = squeeze / Double(levels)
        var sum = 0.0
        for (j, pixel) in pixels.enumerated() {
            let x = Double(pixel) + Double(noise[j])
            let s = logitAlpha + x * step
            let rest = logitAlpha + (Double(levels) - x) * step
            let (logS, logRest) = (log(s), log(rest))
            w[j] = Float(logS - logRest)
            sum += logS + logRest
        }
        return Double(pixels.count) * log(squeeze) - sum
    }

    /// One flow output `w` as an image, rounded down to levels.
    /// - Returns: the levels and `log |∂w/∂y|` at that point, nats.
    /// - Throws: ``FlowError/notFinite(argument:row:)`` when `w` holds NaN.
    public func image(from w: ArraySlice<Float>) throws -> (pixels: [UInt8], logDet: Double) {
        let squeeze = 1 - 2 * logitAlpha
        var sum = 0.0
        var pixels: [UInt8] = []
        pixels.reserveCapacity(w.count)
        for value in w {
            guard value.isFinite else { throw FlowError.notFinite(argument: "sample", row: 0) }
            let w = Double(value)
            // ln s = −softplus(−w), ln(1 − s) = −softplus(w)
            let softplus = max(w, 0) + log1p(exp(-abs(w)))
            sum += w - 2 * softplus
            let y = (1 / (1 + exp(-w)) - logitAlpha) / squeeze
            // The flow has a little mass outside [0, 1): it belongs to the first and the last level.
            pixels.append(UInt8(min(max(y * Double(levels), 0), Double(levels - 1))))
        }
        return (pixels, Double(w.count) * log(squeeze) - sum)
    }
}
