extension Reference {
    /// Transforms one number, with the log-derivative of what was done, nats: the formulas as the papers have them, in double
    /// precision.
    package static func transform(
        _ transform: UnivariateTransform, inverse: Bool, _ v: Double, parameters: [Double]
    ) -> (value: Double, logDerivative: Double) {
        precondition(parameters.count == transform.parameterCount)
        return inverse ? transform.kind.inverse(v, parameters) : transform.kind.forward(v, parameters)
    }
}
