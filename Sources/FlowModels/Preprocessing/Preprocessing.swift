import FlowCore
import FlowKernels
import Glibc

/// Map from a discrete image `x` to what a flow sees, and back.
///
///     y = (x + u)/levels          u in (0, 1): dequantization, uniform or as a ``Dequantizer`` draws it
///     s = α + (1 − 2α) y          keeps the logit finite
///     w = ln s − ln(1 − s)        the flow's input
///
///     log p(y) = log p(w) + D · ln(1 − 2α) − Σ [ln s + ln(1 − s)]
///
/// It is computed in double precision: near `s = 1` single precision has no digits left for `1 − s`. Sums run in an order that
/// depends on nothing but `D`.
///
/// Source: Papamakarios et al., *MAF* (2017), §4.3 and appendix D; Theis et al. (2016), §3.1, for the dequantization.
public struct Preprocessing: Sendable, Equatable {
    /// Number of values of a dimension, `0 ..< levels`; 2 to 256.
    public let levels: Int
    /// `α` of the logit map, in `(0, 0.5)`.
    public let logitAlpha: Double
    private let map: LogitMap
    /// `ln(1 − 2α)`, nats.
    private let logSqueeze: Double

    /// Builds the map of images of `levels` levels.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` when `levels` or `logitAlpha` is outside its range.
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
        map = LogitMap(levels: levels, alpha: logitAlpha)
        logSqueeze = log(1 - 2 * logitAlpha)
    }

    /// Sets `D` numbers of `w` from `offset` on to one image as the flow's input.
    /// - Parameter noise: dequantization noise `u`, `[D]`, in (0, 1).
    /// - Returns: `log |det ∂w/∂y|`, nats: added to `log p(w)` it gives `log p(y)`.
    public func flowInput(
        pixels: ArraySlice<UInt8>, noise: [Float], w: inout MutableSpan<Float>, offset: Int = 0
    ) -> Double {
        let logs = Kernels.best.logit(map, pixels: pixels.span, noise: noise.span, to: &w, offset: offset)
        return Double(pixels.count) * logSqueeze - logs
    }

    /// Sets `logs`, `[D]`, to the log-derivative `ln ∂w/∂y` of each number of the flow's input from `offset` on, nats.
    ///
    ///     ln ∂w/∂y = ln(1 − 2α) − ln s − ln(1 − s) = ln(1 − 2α) + 2 ln(1 + eʷ) − w
    func logDerivatives(ofInput w: [Float], offset: Int, to logs: inout [Float]) {
        let count = logs.count
        var span = logs.mutableSpan
        Kernels.best.apply(.softplus, from: w.span, offset, to: &span, count: count)
        for j in 0..<count { span[j] = Float(logSqueeze) + 2 * span[j] - w[offset + j] }
    }

    /// Pulls `∂L/∂w` of one image back to `∂L/∂u` of its noise, in place: `D` numbers of `dw` from `offset` on.
    ///
    ///     ∂w/∂s = 1/(s(1 − s))      ∂/∂s −[ln s + ln(1 − s)] = (2s − 1)/(s(1 − s))      ∂s/∂u = (1 − 2α)/levels
    ///
    /// - Parameter dLogDet: cotangent of the log-determinant that ``flowInput(pixels:noise:w:offset:)`` returned.
    package func pullBack(
        dw: inout [Float], offset: Int, dLogDet: Double, pixels: ArraySlice<UInt8>, noise: ArraySlice<Float>
    ) {
        let (levels, values) = (pixels.span, noise.span)
        precondition(levels.count == values.count)
        var d = dw.mutableSpan
        for j in 0..<values.count {
            let x = Double(levels[j]) + Double(values[j])
            let (s, rest) = (map.alpha + x * map.step, map.alpha + (Double(map.levels) - x) * map.step)
            d[offset + j] = Float((Double(d[offset + j]) + dLogDet * (s - rest)) * map.step / (s * rest))
        }
    }

    /// Pulls `∂L/∂w` of one image back to `∂L/∂x` of its levels, in place, where `L` has the log-determinant too, in nats.
    func pullBack(dw: inout [Float], ofInput w: [Float]) {
        for j in dw.indices {
            // s and 1 − s by the logit, whose digits they have where one of them is all but 1
            let (s, rest) = (1 / (1 + exp(-Double(w[j]))), 1 / (1 + exp(Double(w[j]))))
            dw[j] = Float((Double(dw[j]) + s - rest) * map.step / (s * rest))
        }
    }

    /// Turns one flow output `w`, `[D]`, into an image, rounded down to levels.
    /// - Returns: the levels and `log |det ∂w/∂y|` at that point, nats; nil when `w` holds NaN or ±∞.
    public func image(from w: ArraySlice<Float>) -> (pixels: [UInt8], logDet: Double)? {
        var pixels = [UInt8](repeating: 0, count: w.count)
        var span = pixels.mutableSpan
        guard let logs = Kernels.best.levels(map, of: w.span, to: &span) else {
            return nil
        }
        return (pixels, Double(w.count) * logSqueeze - logs)
    }
}
