extension ShiftKind {
    func forward(_ x: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        (x + parameters[0], 0)
    }

    func inverse(_ z: Double, _ parameters: [Double]) -> (value: Double, logDerivative: Double) {
        (z - parameters[0], 0)
    }
}
