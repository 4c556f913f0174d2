extension Reference {
    /// Computes one element of ``Kernels/gate(_:_:_:to:_:count:)``: the sigmoid of the gate, and the sum.
    package static func gate(v: Double, g: Double, y: Double) -> (s: Double, y: Double) {
        let s = function(.sigmoid, g)
        return (s, y + v * s)
    }

    /// Computes one element of ``Kernels/gateBackward(_:_:_:_:count:)``.
    package static func gateBackward(d: Double, v: Double, s: Double) -> (byValue: Double, byGate: Double) {
        (d * s, d * v * s * (1 - s))
    }
}
