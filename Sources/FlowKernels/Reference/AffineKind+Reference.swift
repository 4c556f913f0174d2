import Glibc

extension AffineKind {
    func forward(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        let s = logScale(parameters)
        return (x * exp(s) + parameters[0], s)
    }

    func inverse(_ z: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        let s = logScale(parameters)
        return ((z - parameters[0]) * exp(-s), -s)
    }

    private func logScale(_ parameters: [Double]) -> Double {
        parameters[1] / (1 + abs(parameters[1]) / Double(logScaleBound))
    }
}
