import Glibc

/// Bits per dimension of a discrete image: `−(log p(y) − D · ln levels) / (D · ln 2)`, where `log p(y)` is the density,
/// in nats, of `y = (x + u)/levels` in `[0, 1)^D`.
///
/// The only place where nats become bits. `D · ln levels` is the log-volume change from `x + u` to `y`: without it the
/// figure would be that of a density on the unit cube (Theis et al., *A note on the evaluation of generative models*
/// (2016), §3.1, arXiv:1511.01844).
public func bitsPerDim(logProb: Double, dims: Int, levels: Int) -> Double {
    -(logProb - Double(dims) * log(Double(levels))) / (Double(dims) * M_LN2)
}
