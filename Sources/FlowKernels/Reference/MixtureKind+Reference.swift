import Glibc

extension MixtureKind {
    func forward(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        let logScale = bounded(parameters[1])
        let (logit, logSlope) = logit(x, parameters)
        return (logit * exp(logScale) + parameters[0], logSlope + logScale)
    }

    /// Halves a bracket, which the components' own inverses span, until no number is between its ends.
    func inverse(_ z: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        let target = (z - parameters[0]) * exp(-bounded(parameters[1]))
        let own = (0..<components).map { mean($0, parameters) + target * exp(logScale($0, parameters)) }
        guard var low = own.min(), var high = own.max() else { preconditionFailure("a mixture without components") }
        var x = low + 0.5 * (high - low)
        while x > low, x < high {
            if logit(x, parameters).value < target { low = x } else { high = x }
            x = low + 0.5 * (high - low)
        }
        return (x, -forward(x, parameters).logDerivative)
    }

    /// Computes `ln(F/(1 − F))` and its log-derivative, `ln F′ − ln F − ln(1 − F)`, each term by a sum of exponentials.
    private func logit(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        let raw = parameters[2..<2 + components]
        let total = Reference.logSumExp(Array(raw))
        var (below, above, density): ([Double], [Double], [Double]) = ([], [], [])
        for k in 0..<components {
            let logWeight = log(exp(raw[2 + k] - total) + 1e-26)
            let l = logScale(k, parameters)
            let u = (x - mean(k, parameters)) * exp(-l)
            let (logBelow, logAbove) = (-Reference.function(.softplus, -u), -Reference.function(.softplus, u))
            below.append(logWeight + logBelow)
            above.append(logWeight + logAbove)
            density.append(logWeight + logBelow + logAbove - l)
        }
        let (f, rest) = (Reference.logSumExp(below), Reference.logSumExp(above))
        return (f - rest, Reference.logSumExp(density) - f - rest)
    }

    private func mean(_ k: Int, _ parameters: [Double]) -> Double {
        parameters[2 + components + k] + Double(2 * k + 1 - components) / Double(components)
    }

    private func logScale(_ k: Int, _ parameters: [Double]) -> Double { bounded(parameters[2 + 2 * components + k]) }

    private func bounded(_ a: Double) -> Double { a / (1 + abs(a) / Double(scaleBound)) }
}
