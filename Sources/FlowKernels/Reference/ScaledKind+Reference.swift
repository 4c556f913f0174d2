import Glibc

extension SoftplusAffineKind {
    func forward(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        scaled(x, by: scale(parameters), parameters[0])
    }

    func inverse(_ z: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        unscaled(z, by: scale(parameters), parameters[0])
    }

    private func scale(_ parameters: [Double]) -> Double {
        log1p(exp(parameters[1] + Double(UnivariateTransform.softplusOffset))) + 1e-3
    }
}

extension LogisticAffineKind {
    func forward(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        scaled(x, by: scale(parameters), parameters[0])
    }

    func inverse(_ z: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        unscaled(z, by: scale(parameters), parameters[0])
    }

    private func scale(_ parameters: [Double]) -> Double {
        1 / (1 + exp(-parameters[1] - Double(UnivariateTransform.logisticOffset))) + 1e-3
    }
}

private func scaled(_ x: Double, by scale: Double, _ shift: Double) -> (value: Double, logDerivative: Double) {
    (x * scale + shift, log(scale))
}

private func unscaled(_ z: Double, by scale: Double, _ shift: Double) -> (value: Double, logDerivative: Double) {
    ((z - shift) / scale, -log(scale))
}
