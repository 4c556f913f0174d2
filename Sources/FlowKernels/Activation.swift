/// An activation between the linear maps of a network.
public enum Activation: String, Sendable, Codable, CaseIterable {
    /// `max(x, 0)`.
    case relu
    /// Hyperbolic tangent.
    case tanh
    /// `x` above 0, `eˣ − 1` below. Clevert et al. (2016), arXiv:1511.07289, α = 1.
    case elu
    /// `x · Φ(x)`, exact, with the standard normal distribution function. Hendrycks & Gimpel (2016), arXiv:1606.08415.
    case gelu
}
