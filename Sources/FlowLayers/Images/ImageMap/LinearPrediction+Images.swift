/// The prediction of whole images, `[channels, lanes]` with a lane for each pixel.
extension LinearPrediction {
    /// Sets `y` to what is left over of `x`, both from `at` on, and adds the log-scales to `logDet`, `[lanes]`.
    /// - Parameters:
    ///   - parameters: what the network gives, `[outputs, lanes]` from `given` on.
    ///   - room: room for `lanes` scales.
    func forward(
        _ x: [Float], _ at: Int, _ parameters: [Float], _ given: Int, lanes: Int, to y: inout [Float],
        room: inout ScaleRoom, logDet: inout [Float]
    ) {
        let source = x.span
        let values = parameters.span
        var target = y.mutableSpan
        for c in 0..<channels {
            let own = at + c * lanes
            for l in 0..<lanes { target[own + l] = source[own + l] - shift[c] }
            forEachRun(of: c) { run in
                let (to, from) = (own + run.first, at + run.channel * lanes + run.first + run.offset)
                for i in 0..<run.count { target[to + i] -= run.weight * source[from + i] }
            }
            for k in 0..<c {
                let weight = weights[first(c) + taps.count * channels + k]
                let (other, a) = (at + k * lanes, given + coefficient(c, k) * lanes)
                for l in 0..<lanes { target[own + l] -= (weight + values[a + l]) * source[other + l] }
            }
            setScales(c, parameters, given, lanes: lanes, &room, &logDet, sign: 1)
            let factors = room.scales.span
            let b = given + (channels + c) * lanes
            for l in 0..<lanes { target[own + l] = target[own + l] * factors[l] + values[b + l] }
        }
    }

    /// Pulls `∂L/∂y`, `[channels, lanes]`, and `∂L/∂logDet` back through ``forward(_:_:_:_:lanes:to:room:logDet:)`` of one image: sets
    /// `dx`, `[channels, lanes]`, and `dParameters`, `[outputs, lanes]` from `dGiven` on.
    /// - Parameter y: result of the forward pass from `at` on.
    func backward(
        _ dy: [Float], _ dLogDet: Float, x: [Float], y: [Float], _ at: Int, _ parameters: [Float], _ given: Int,
        lanes: Int, dx: inout [Float], dParameters: inout [Float], _ dGiven: Int
    ) {
        var room = ScaleRoom(lanes: lanes)
        var (logDet, left) = (room.scales, room.scales)
        var d = dx.mutableSpan
        var dp = dParameters.mutableSpan
        let (source, result, values, cotangent) = (x.span, y.span, parameters.span, dy.span)
        for i in 0..<channels * lanes { d[i] = 0 }
        for c in 0..<channels {
            setScales(c, parameters, given, lanes: lanes, &room, &logDet, sign: 1)
            let (own, b) = (c * lanes, (channels + c) * lanes)
            for l in 0..<lanes {
                let (g, raw) = (cotangent[own + l], abs(values[given + own + l]))
                let part = Self.bound / (Self.bound + raw)
                dp[dGiven + own + l] = (g * (result[at + own + l] - values[given + b + l]) + dLogDet) * part * part
                dp[dGiven + b + l] = g
                left[l] = g * room.scales[l]
            }
            // cotangent of x − m
            let pulled = left.span
            for l in 0..<lanes { d[own + l] += pulled[l] }
            forEachRun(of: c) { run in
                let (from, to) = (run.first, run.channel * lanes + run.first + run.offset)
                for i in 0..<run.count { d[to + i] -= run.weight * pulled[from + i] }
            }
            for k in 0..<c {
                let weight = weights[first(c) + taps.count * channels + k]
                let (other, a) = (k * lanes, coefficient(c, k) * lanes)
                for l in 0..<lanes {
                    d[other + l] -= (weight + values[given + a + l]) * pulled[l]
                    dp[dGiven + a + l] = -source[at + other + l] * pulled[l]
                }
            }
        }
    }

    /// A run of pixels of one image row that one tap reads: `count` from pixel `first` on, each `offset` before.
    private struct Run {
        var first: Int
        var count: Int
        var offset: Int
        var channel: Int
        var weight: Float
    }

    /// Calls `body` with every run of every tap of channel `c`; taps beyond the edge read nothing.
    @inline(__always)
    private func forEachRun(of c: Int, _ body: (Run) -> Void) {
        let (height, width) = (layout.height, layout.width)
        var i = first(c)
        // by index: the iterator allocates in debug builds, where the tests count
        for t in 0..<taps.count {
            let tap = taps[t]
            let columns = max(0, -tap.dx)..<max(max(0, -tap.dx), min(width, width - tap.dx))
            for k in 0..<channels {
                let weight = weights[i]
                i += 1
                if columns.isEmpty { continue }
                for row in max(0, -tap.dy)..<max(height, -tap.dy) {
                    body(
                        Run(
                            first: row * width + columns.lowerBound, count: columns.count,
                            offset: tap.dy * width + tap.dx, channel: k, weight: weight))
                }
            }
        }
    }
}
