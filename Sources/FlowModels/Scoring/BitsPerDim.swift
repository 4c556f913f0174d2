import FlowCore
import Glibc

/// Converts a log-density, in nats, to bits per dimension of the discrete image:
///
///     −(log p(y) − D · ln levels) / (D · ln 2),    y = (x + u)/levels in [0, 1)^D
///
/// `D · ln levels` is the log-volume change from `x + u` to `y`: without it the figure would be that of a density on the
/// unit cube. Lower is more probable, 8 is the uniform density on 256 levels.
///
/// Source: Theis, van den Oord and Bethge, *A note on the evaluation of generative models* (2016), §3.1, arXiv:1511.01844.
public func bitsPerDim(logProb: Double, dims: Int, levels: Int) -> Double {
    -(logProb - Double(dims) * log(Double(levels))) / (Double(dims) * M_LN2)
}

extension ModelRecord {
    /// Converts a log-density of an image of this model, in nats, to bits per dimension; see ``bitsPerDim(logProb:dims:levels:)``.
    public func bitsPerDim(logProb: Double) -> Double {
        FlowModels.bitsPerDim(logProb: logProb, dims: eventShape.dims, levels: levels)
    }

    /// Converts a difference of log-densities, or a standard error, in nats, to bits per dimension: `nats / (D · ln 2)`.
    public func bitsPerDim(difference nats: Double) -> Double { nats / (Double(eventShape.dims) * M_LN2) }
}

extension ImageScore {
    /// Bits per dimension of ``logProb``; see ``bitsPerDim(logProb:dims:levels:)``.
    public var bitsPerDim: Double { record.bitsPerDim(logProb: logProb) }
}
