/// Log-density of the base distribution, `log N(z; 0, I) = −Σⱼ (z²ⱼ + ln 2π)/2`, one value a row, in nats.
///
/// Sums in double precision.
public func standardNormalLogDensity(_ z: Matrix) -> [Double] {
    let constant = 0.5 * Double(z.columns) * 1.837_877_066_409_345_5  // ln 2π
    return (0..<z.rows).map { row in
        var squares = 0.0
        for j in row * z.columns..<(row + 1) * z.columns {
            squares += Double(z.elements[j]) * Double(z.elements[j])
        }
        return -0.5 * squares - constant
    }
}
