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
}
