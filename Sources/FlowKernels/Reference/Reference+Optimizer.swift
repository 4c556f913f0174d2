extension Reference {
    /// Takes an Adam step on one weight, the twin of ``Kernels/adamStep(_:gradient:first:second:weights:average:range:)``: equal to
    /// the bit.
    package static func adamStep(
        _ c: AdamCoefficients, gradient: Float, first: inout Float, second: inout Float, weight: inout Float,
        average: inout Float
    ) {
        let g = gradient * c.gradientScale
        first += c.firstRate * (g - first)
        second += c.secondRate * (g * g - second)
        weight = c.keep * weight - c.step * first / (second.squareRoot() * c.secondScale + c.epsilon)
        average = c.averageDecay * average + (1 - c.averageDecay) * weight
    }
}
