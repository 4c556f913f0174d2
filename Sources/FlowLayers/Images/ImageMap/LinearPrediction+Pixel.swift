import FlowCore

/// The prediction of one pixel of some rows, `[channels, lanes]` with a lane for each row.
extension LinearPrediction {
    /// Sets `means`, `[channels, lanes]`, to the part of the prediction of pixel `index` of `rows` that follows from the pixels before it.
    func setMeans(_ index: Int, _ rows: Range<Int>, _ data: borrowing RowTile, lanes: Int, _ means: inout [Float]) {
        let (y, x) = (index / layout.width, index % layout.width)
        for c in 0..<channels {
            for l in 0..<lanes { means[c * lanes + l] = shift[c] }
            for t in 0..<taps.count {
                let tap = taps[t]
                guard y + tap.dy >= 0, (0..<layout.width).contains(x + tap.dx) else { continue }
                let from = (index + tap.dy * layout.width + tap.dx) * channels
                for k in 0..<channels {
                    let weight = weights[first(c) + t * channels + k]
                    for l in 0..<rows.count {
                        let row = (rows.lowerBound + l) * data.stride
                        means[c * lanes + l] += weight * data.elements[row + from + k]
                    }
                }
            }
        }
    }

    /// Replaces the pixel's values by what is left over, `x` by `y`, or with `inverse` `y` by `x`, and adds the log-derivatives of what
    /// was done to `logDet`, `[lanes]`.
    /// - Parameters:
    ///   - means: as ``setMeans(_:_:_:lanes:_:)`` leaves them; overwritten.
    ///   - parameters: what the network gives, `[outputs, lanes]` from `given` on.
    func move(
        inverse: Bool, _ x: inout [Float], means: inout [Float], _ parameters: [Float], _ given: Int, lanes: Int,
        room: inout ScaleRoom, logDet: inout [Float]
    ) {
        for step in 0..<channels {
            // a value is replaced when no other channel needs it
            let c = inverse ? step : channels - 1 - step
            for k in 0..<c {
                let weight = weights[first(c) + taps.count * channels + k]
                let a = given + coefficient(c, k) * lanes
                for l in 0..<lanes { means[c * lanes + l] += (weight + parameters[a + l]) * x[k * lanes + l] }
            }
            setScales(c, parameters, given, lanes: lanes, &room, &logDet, sign: inverse ? -1 : 1)
            let (own, b) = (c * lanes, given + (channels + c) * lanes)
            for l in 0..<lanes {
                x[own + l] =
                    inverse
                    ? (x[own + l] - parameters[b + l]) * room.scales[l] + means[own + l]
                    : (x[own + l] - means[own + l]) * room.scales[l] + parameters[b + l]
            }
        }
    }
}
