import Glibc

/// Linear warm-up times cosine decay.
///
///     rate = peak · min(1, (step + 1)/warmup) · (1 + cos(π · progress))/2
///
/// Source: Loshchilov & Hutter, *SGDR* (2017), eq. 5 with one period, arXiv:1608.03983; warm-up of Goyal et al. (2017),
/// §2.2, arXiv:1706.02677.
public struct LearningRateSchedule: Sendable, Equatable {
    /// Peak of the learning rate.
    public var peak: Double
    /// Steps over which the learning rate rises linearly to its peak.
    public var warmupSteps: Int

    public init(peak: Double, warmupSteps: Int) {
        self.peak = peak
        self.warmupSteps = warmupSteps
    }

    /// Returns the learning rate of `step`, counted from 0, when `progress` of the whole training, in `[0, 1]`, is done.
    public func rate(step: Int, progress: Double) -> Double {
        let warmup = step < warmupSteps ? Double(step + 1) / Double(warmupSteps) : 1
        return peak * warmup * (1 + cos(.pi * min(max(progress, 0), 1))) / 2
    }
}
