public import FlowCore
import Glibc

/// Density of two dimensions that is given as a formula, to see what a flow can become.
public enum FormulaDensity: String, Sendable, CaseIterable, DifferentiableDensity {
    /// A funnel: `v ~ N(0, 3²)`, `x ~ N(0, eᵛ)`; the first dimension is `v`. Neal, *Slice Sampling* (2003), §8, with one `x`.
    case funnel
    /// A normal bent along a parabola: `x₁ ~ N(0, 2²)`, `x₂ + (x₁² − 2²)/4 ~ N(0, 1)`. Haario, Saksman, Tamminen, *Adaptive
    /// proposal distribution for random walk Metropolis algorithm* (1999), with other numbers.
    case banana
    /// A ring of radius 2 that is cut in two: `U₁` of Rezende & Mohamed, *Variational Inference with Normalizing Flows*
    /// (2015), table 1, arXiv:1505.05770.
    case moons

    public var dims: Int { 2 }

    /// Logarithm of the normalising constant, `ln ∫ p`, nats: 0 for a normalised density, nil where it is not known.
    public var logNormalizer: Double? {
        switch self {
        case .funnel, .banana: 0
        case .moons: nil
        }
    }

    /// Ranges of the two dimensions in which nearly all of the density lies, for plots.
    public var ranges: (first: ClosedRange<Double>, second: ClosedRange<Double>) {
        switch self {
        case .funnel: (-9...6, -9...9)
        case .banana: (-7...7, -10...4)
        case .moons: (-4...4, -4...4)
        }
    }

    /// Computes `log p` at a point, nats, up to a constant where ``logNormalizer`` is nil, and its gradient.
    public func logDensity(_ a: Double, _ b: Double) -> (value: Double, first: Double, second: Double) {
        let logTwoPi = log(2 * Double.pi)
        switch self {
        case .funnel:
            let square = b * b * exp(-a)
            return (
                -a * a / 18 - log(3) - (square + a) / 2 - logTwoPi, -a / 9 + (square - 1) / 2, -b * exp(-a)
            )
        case .banana:
            let bent = b + (a * a - 4) / 4
            return (-a * a / 8 - log(2) - bent * bent / 2 - logTwoPi, -a / 4 - bent * a / 2, -bent)
        case .moons:
            let radius = (a * a + b * b).squareRoot()
            let (right, left) = ((a - 2) / 0.6, (a + 2) / 0.6)
            let off = (radius - 2) / 0.4
            // the nearer hump stands outside the logarithm, so that the sum does not underflow
            let near = -min(right * right, left * left) / 2
            let terms = (exp(-right * right / 2 - near), exp(-left * left / 2 - near))
            let humps = near + log(terms.0 + terms.1)
            let byHumps = -(terms.0 * right + terms.1 * left) / (terms.0 + terms.1) / 0.6
            // at the middle the ring's term has no direction
            let byRadius = radius > 0 ? -off / 0.4 / radius : 0
            return (humps - off * off / 2, byHumps + byRadius * a, byRadius * b)
        }
    }

    public func logDensity(_ x: Matrix, context: Matrix?) throws -> (values: [Double], gradient: Matrix) {
        guard x.columns == dims, context == nil else {
            throw FlowError.widthMismatch(argument: "x", expected: dims, actual: x.columns)
        }
        var gradient = x
        let values = (0..<x.rows).map { r in
            let (value, first, second) = logDensity(Double(x[r, 0]), Double(x[r, 1]))
            gradient[r, 0] = Float(first)
            gradient[r, 1] = Float(second)
            return value
        }
        return (values, gradient)
    }
}

/// Tempered density, `β · log p`: flatter than `p` for `β` below 1.
struct Tempered: DifferentiableDensity {
    let density: any DifferentiableDensity
    /// Inverse temperature `β`.
    let inverseTemperature: Double

    var dims: Int { density.dims }

    func logDensity(_ x: Matrix, context: Matrix?) throws -> (values: [Double], gradient: Matrix) {
        var (values, gradient) = try density.logDensity(x, context: context)
        for r in values.indices { values[r] *= inverseTemperature }
        for i in gradient.elements.indices { gradient.elements[i] *= Float(inverseTemperature) }
        return (values, gradient)
    }
}
