import Glibc

/// Computes the spherical interpolation of two latents at `t` in `[0, 1]`; linear where their directions are the same or opposite
/// to within 1e-6, so that no great circle is theirs alone.
///
///     z(t) = sin((1 − t)Ω)/sin Ω · a + sin(tΩ)/sin Ω · b        Ω the angle between a and b
///
/// Draws of a normal distribution of many dimensions lie near a sphere, and the points between two of them on a line do not.
/// Source: Shoemake, *Animating Rotation with Quaternion Curves* (1985); White, *Sampling Generative Networks* (2016), §2.1,
/// arXiv:1609.04468. In double precision; the ends are the latents themselves, bit for bit.
/// - Precondition: the latents are equally long.
public func sphericalInterpolation(_ a: [Float], _ b: [Float], at t: Double) -> [Float] {
    precondition(a.count == b.count && (0...1).contains(t))
    if t == 0 { return a }
    if t == 1 { return b }
    var (aa, bb, ab) = (0.0, 0.0, 0.0)
    for i in a.indices {
        aa += Double(a[i]) * Double(a[i])
        bb += Double(b[i]) * Double(b[i])
        ab += Double(a[i]) * Double(b[i])
    }
    let cosine = aa * bb > 0 ? min(max(ab / (aa * bb).squareRoot(), -1), 1) : 1
    let angle = acos(cosine)
    let sine = sin(angle)
    let (u, v) = sine < 1e-6 ? (1 - t, t) : (sin((1 - t) * angle) / sine, sin(t * angle) / sine)
    return a.indices.map { Float(u * Double(a[$0]) + v * Double(b[$0])) }
}
