extension Reference {
    /// What ``Kernels/gate(_:_:_:to:_:count:)`` does to one element.
    package static func gate(v: Double, g: Double, y: Double) -> (share: Double, y: Double) {
        let share = function(.sigmoid, g)
        return (share, y + v * share)
    }

    /// What ``Kernels/gateBackward(_:_:_:_:count:)`` does to one element.
    package static func gateBackward(d: Double, v: Double, s: Double) -> (byValue: Double, byGate: Double) {
        (d * s, d * v * s * (1 - s))
    }
}
