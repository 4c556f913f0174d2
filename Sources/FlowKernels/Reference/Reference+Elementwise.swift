import Glibc

extension Reference {
    package static func exp(_ x: Double) -> Double { Glibc.exp(x) }

    /// What ``Kernels/activate(_:x:offset:rows:columns:stride:)`` does to one element.
    package static func activation(_ f: Activation, _ x: Double) -> Double {
        switch f {
        case .relu: max(x, 0)
        case .tanh: Glibc.tanh(x)
        case .elu: x > 0 ? x : expm1(x)
        case .gelu: x == -.infinity ? 0 : x * 0.5 * erfc(-x * 0.5.squareRoot())
        }
    }

    /// `f′(x)`; 0 at a rectifier's kink.
    package static func activationSlope(_ f: Activation, _ x: Double) -> Double {
        switch f {
        case .relu: return x > 0 ? 1 : 0
        case .tanh: return 1 / (cosh(x) * cosh(x))
        case .elu: return x > 0 ? 1 : exp(x)
        case .gelu: return 0.5 * erfc(-x * 0.5.squareRoot()) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
        }
    }
}
