import Glibc

extension Reference {
    /// Computes `eˣ`.
    package static func exp(_ x: Double) -> Double { Glibc.exp(x) }

    /// Computes one element of ``Kernels/activate(_:x:offset:rows:columns:stride:)``.
    package static func activation(_ f: Activation, _ x: Double) -> Double {
        switch f {
        case .relu: max(x, 0)
        case .tanh: Glibc.tanh(x)
        case .elu: x > 0 ? x : expm1(x)
        case .gelu: x == -.infinity ? 0 : x * 0.5 * erfc(-x * 0.5.squareRoot())
        }
    }

    /// Computes an activation's derivative `f′(x)`; 0 at a rectifier's kink.
    package static func activationSlope(_ f: Activation, _ x: Double) -> Double {
        switch f {
        case .relu: return x > 0 ? 1 : 0
        case .tanh: return 1 / (cosh(x) * cosh(x))
        case .elu: return x > 0 ? 1 : exp(x)
        case .gelu: return 0.5 * erfc(-x * 0.5.squareRoot()) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
        }
    }
}

extension Reference {
    /// Computes one element of ``Kernels/apply(_:from:_:to:_:count:)``.
    package static func function(_ f: ElementFunction, _ x: Double) -> Double {
        switch f {
        case .exp: Glibc.exp(x)
        case .log: Glibc.log(x)
        case .sigmoid: 1 / (1 + Glibc.exp(-x))
        case .normalDistribution: 0.5 * erfc(-x * 0.5.squareRoot())
        case .softplus: x.isNaN ? x : max(x, 0) + log1p(Glibc.exp(-abs(x)))
        }
    }

    /// Computes one row of ``Kernels/logSumExp(_:rows:columns:to:)``.
    package static func logSumExp(_ x: [Double]) -> Double {
        if x.contains(where: \.isNaN) { return .nan }
        let peak = x.max()!  // a row has at least one column
        return peak.isInfinite ? peak : peak + Glibc.log(x.reduce(0) { $0 + Glibc.exp($1 - peak) })
    }

    /// Computes one row of ``Kernels/softmax(_:rows:columns:)``.
    package static func softmax(_ x: [Double]) -> [Double] {
        let peak = x.max()!  // a row has at least one column
        let terms = x.map { Glibc.exp($0 - peak) }
        let sum = terms.reduce(0, +)
        return terms.map { logSumExp(x).isFinite ? $0 / sum : .nan }
    }

    /// Computes one pixel of ``Kernels/logit(_:pixels:noise:to:offset:)``, and its term of the sum, nats.
    package static func logit(_ map: LogitMap, _ x: Double) -> (w: Double, logs: Double) {
        let logS = Glibc.log(map.alpha + x * map.step)
        let logRest = Glibc.log(map.alpha + (Double(map.levels) - x) * map.step)
        return (logS - logRest, logS + logRest)
    }

    /// Computes ``Kernels/levels(_:of:to:)`` of one finite number before it is rounded down, and its term of the sum, nats.
    package static func level(_ map: LogitMap, _ w: Double) -> (x: Double, logs: Double) {
        // ln s = −softplus(−w), ln(1 − s) = −softplus(w)
        let softplus = max(w, 0) + log1p(Glibc.exp(-abs(w)))
        return ((1 / (1 + Glibc.exp(-w)) - map.alpha) / map.step, w - 2 * softplus)
    }
}
