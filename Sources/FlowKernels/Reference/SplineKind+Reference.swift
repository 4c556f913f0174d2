import Glibc

extension SplineKind {
    func forward(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        Reference.Spline(bins: bins, bound: Double(tailBound), parameters).forward(x)
    }

    func inverse(_ z: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        Reference.Spline(bins: bins, bound: Double(tailBound), parameters).inverse(z)
    }
}

extension Reference {
    /// A monotone rational-quadratic spline of one number: Durkan et al. (2019), arXiv:1906.04032, equations 4, 5 and 6 to 8, with
    /// nflows' minimal sizes.
    package struct Spline {
        /// Knots on the data side, `[bins + 1]`, rising.
        package let x: [Double]
        /// Knots on the latent side, `[bins + 1]`, rising.
        package let y: [Double]
        /// Derivatives at the knots, `[bins + 1]`.
        package let derivatives: [Double]

        package init(bins: Int, bound: Double, _ parameters: [Double]) {
            let least = 1e-3
            func knots(_ raw: ArraySlice<Double>) -> [Double] {
                let peak = raw.max()!  // two bins at least
                let terms = raw.map { exp($0 - peak) }
                let sum = terms.reduce(0, +)
                var cumulative = 0.0
                return [-bound]
                    + terms.dropLast().map { term in
                        cumulative += least + (1 - least * Double(bins)) * term / sum
                        return bound * (2 * cumulative - 1)
                    } + [bound]
            }
            x = knots(parameters[..<bins])
            y = knots(parameters[bins..<2 * bins])
            let offset = log(exp(1 - least) - 1)
            derivatives =
                [1] + parameters[(2 * bins)...].map { least + function(.softplus, min($0, 1e3) + offset) } + [1]
        }

        /// Finds the bin in which `v` falls between `knots`: its index, width, height and slope.
        private func bin(_ v: Double, _ knots: [Double]) -> (k: Int, width: Double, height: Double, slope: Double) {
            let k = (1..<knots.count - 1).last { v >= knots[$0] } ?? 0
            let (width, height) = (x[k + 1] - x[k], y[k + 1] - y[k])
            return (k, width, height, height / width)
        }

        private func logDerivative(_ k: Int, _ slope: Double, _ t: Double) -> Double {
            let (d0, d1, tu) = (derivatives[k], derivatives[k + 1], t * (1 - t))
            let divisor = slope + (d1 + d0 - 2 * slope) * tu
            let slopes = d1 * t * t + 2 * slope * tu + d0 * (1 - t) * (1 - t)
            return log(slope * slope * slopes / (divisor * divisor))
        }

        /// Computes the spline and its log-derivative at `v`; the identity outside the knots.
        package func forward(_ v: Double) -> (value: Double, logDerivative: Double) {
            guard v >= x[0], v <= x.last! else { return (v, 0) }
            let (k, width, height, slope) = bin(v, x)
            let t = (v - x[k]) / width
            let tu = t * (1 - t)
            let divisor = slope + (derivatives[k + 1] + derivatives[k] - 2 * slope) * tu
            let z = y[k] + height * (slope * t * t + derivatives[k] * tu) / divisor
            return (z, logDerivative(k, slope, t))
        }

        /// Computes the inverse and its log-derivative at `v` by the quadratic formula, with its discriminant as it stands.
        package func inverse(_ v: Double) -> (value: Double, logDerivative: Double) {
            guard v >= y[0], v <= y.last! else { return (v, 0) }
            let (k, width, height, slope) = bin(v, y)
            let curvature = derivatives[k + 1] + derivatives[k] - 2 * slope
            let a = height * (slope - derivatives[k]) + (v - y[k]) * curvature
            let b = height * derivatives[k] - (v - y[k]) * curvature
            let c = -slope * (v - y[k])
            let t = 2 * c / (-b - (b * b - 4 * a * c).squareRoot())
            return (x[k] + t * width, -logDerivative(k, slope, t))
        }
    }
}
