import Glibc

extension Reference {
    package static func exp(_ x: Float) -> Float { Glibc.exp(x) }

    package static func activation(_ f: Activation, _ x: Float) -> Float {
        switch f {
        case .relu: max(x, 0)
        case .tanh: Glibc.tanh(x)
        case .elu: x > 0 ? x : expm1(x)
        case .gelu: x * 0.5 * erfc(-x * Float(0.5).squareRoot())
        }
    }
}
