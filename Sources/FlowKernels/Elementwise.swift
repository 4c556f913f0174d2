/// Log-scale from its unbounded parameter: `s = a / (1 + |a|/c)`, which lies in `(−c, c)` and is `a` near zero.
///
/// Source: zuko 1.6, `MonotonicAffineTransform`, where `c = |ln slope|`.
package func boundedLogScale(_ a: Float, bound: Float) -> Float {
    a / (1 + abs(a) / bound)
}
