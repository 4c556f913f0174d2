import FlowCore
import FlowKernels
import Glibc

/// Linear prediction of every channel of a pixel from the pixels before it and the pixel's own channels before it: what is left over,
/// scaled, goes on to the transforms of a causal map.
///
///     m[c] = shift[c] + Σ_{t, k} w[c, t, k] · x[p + t, k] + Σ_{k < c} (v[c, k] + a[c, k]) · x[p, k]
///     y[c] = (x[p, c] − m[c]) · exp(g[c]) + b[c]           g[c] = logScale[c] + B · d[c] / (B + |d[c]|)
///     logDet[r] = Σ g
///
/// `t` runs over the pixels before `p` in a square around it. `w`, `v`, `shift` and `logScale` are fitted to the data by least squares
/// before the first step, so that `y` has mean 0 and standard deviation 1, and stay: their inputs are so alike that a step of
/// gradient descent would move `m` by many standard deviations of what is left over. `a`, `b` and `d` are what the map's network makes
/// of the pixels before, zeros at the start. So the first step begins where a linear predictor ends, and a pixel's channels are no
/// longer independent of one another.
///
/// Source: predictors of lossless coding, such as Wu & Memon, *CALIC* (1997), §III; the network's coefficients of a pixel's earlier
/// channels as Salimans et al., *PixelCNN++* (2017), §2.2, arXiv:1701.05517.
struct LinearPrediction: Sendable {
    let layout: ImageLayout
    /// Pixels before the predicted one that are read, rows and columns from it.
    let taps: [(dy: Int, dx: Int)]
    /// Coefficients `w[c]`, `[taps, channels]`, then `v[c]`, `[c]`, of one channel after another.
    private(set) var weights: [Float]
    /// Constant part of the prediction of each channel, `[channels]`.
    private(set) var shift: [Float]
    /// Logarithm of the scale of what is left over of each channel, `[channels]`, nats.
    private(set) var logScale: [Float]

    private var channels: Int { layout.channels }

    /// Bound `B` of what the network adds to the log-scales, nats.
    private static let bound: Float = 5
    /// Most pixels that the fit looks at.
    private static let mostSamples = 1 << 16

    /// A prediction of zero, by the pixels before in a square of `side` pixels, odd.
    init(layout: ImageLayout, side: Int) {
        self.layout = layout
        taps = Convolution.causal(side, withCentre: false).flatMap { row in
            (row.dx..<row.dx + row.count).map { (row.dy, $0) }
        }
        weights = Array(repeating: 0, count: Self.weightCount(channels: layout.channels, side: side))
        shift = Array(repeating: 0, count: layout.channels)
        logScale = shift
    }

    private static func weightCount(channels: Int, side: Int) -> Int {
        side * side / 2 * channels * channels + channels * (channels - 1) / 2
    }

    /// Counts the numbers in the arrays of a prediction.
    static func parameterCount(channels: Int, side: Int) -> Int {
        weightCount(channels: channels, side: side) + 2 * channels
    }

    /// Number of parameters that the network gives for each pixel: all `d`, all `b`, then the rows of `a`.
    static func outputs(channels: Int) -> Int { 2 * channels + channels * (channels - 1) / 2 }

    /// Index of the first of the coefficients of channel `c`.
    private func first(_ c: Int) -> Int { c * taps.count * channels + c * (c - 1) / 2 }
    /// Index of the parameter `a[c, k]` among those of a pixel.
    private func coefficient(_ c: Int, _ k: Int) -> Int { 2 * channels + c * (c - 1) / 2 + k }

    private var infos: [ParameterInfo] {
        [
            ParameterInfo(name: "prediction.weights", shape: [weights.count], isFixed: true),
            ParameterInfo(name: "prediction.shift", shape: [channels], isFixed: true),
            ParameterInfo(name: "prediction.log_scale", shape: [channels], isFixed: true),
        ]
    }

    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        let infos = infos
        try body(infos[0], &weights)
        try body(infos[1], &shift)
        try body(infos[2], &logScale)
    }

    /// Visits gradients of zero: the fit stays.
    func visitGradients(_ body: (ParameterGradient) -> Void) {
        for info in infos {
            body(ParameterGradient(info: info) { rows, gradient in for i in 0..<rows.count { gradient[i] = 0 } })
        }
    }

    // MARK: Whole images, `[channels, lanes]` with a lane for each pixel

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

    /// Sets the scales of every lane to `exp g[c]`, or with `sign` −1 to `exp −g[c]`, and adds their logarithms to `logDet`.
    private func setScales(
        _ c: Int, _ parameters: [Float], _ given: Int, lanes: Int, _ room: inout ScaleRoom, _ logDet: inout [Float],
        sign: Float
    ) {
        let values = parameters.span
        var logs = room.logs.mutableSpan
        var sums = logDet.mutableSpan
        for l in 0..<lanes {
            let d = values[given + c * lanes + l]
            logs[l] = sign * (logScale[c] + Self.bound * d / (Self.bound + abs(d)))
            sums[l] += logs[l]
        }
        room.exponentiate(lanes)
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

    // MARK: One pixel of some rows, `[channels, lanes]` with a lane for each row

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

/// Room for the scales of some lanes and their logarithms.
struct ScaleRoom: Sendable {
    fileprivate(set) var logs: [Float] = []
    fileprivate(set) var scales: [Float] = []

    init(lanes: Int = 0) { reserve(lanes: lanes) }

    mutating func reserve(lanes: Int) {
        logs.reserveZeros(lanes)
        scales.reserveZeros(lanes)
    }

    fileprivate mutating func exponentiate(_ count: Int) {
        func set(_ scales: inout [Float], to logs: [Float]) {
            var span = scales.mutableSpan
            Kernels.best.apply(.exp, from: logs.span, to: &span, count: count)
        }
        set(&scales, to: logs)
    }
}

// MARK: Fit

extension LinearPrediction {
    /// Fits the prediction to `x`, `[batch, D]`, by least squares.
    mutating func fit(to x: Matrix) {
        let gram = moments(of: x)
        let factor = gram.values.choleskyFactor(size: gram.size)
        let before = 1 + taps.count * channels
        for c in 0..<channels {
            let n = before + c
            // row n of the factor is the solution of the triangular system for the coefficients' right side
            var solution = Array(factor[n * gram.size..<n * gram.size + n])
            for i in (0..<n).reversed() {
                for j in i + 1..<n { solution[i] -= factor[j * gram.size + i] * solution[j] }
                solution[i] /= factor[i * gram.size + i]
            }
            shift[c] = Float(solution[0])
            for i in 1..<n { weights[first(c) + i - 1] = Float(solution[i]) }
            logScale[c] = Float(-log(factor[n * gram.size + n] / gram.count.squareRoot()))
        }
    }

    /// Sums of products of 1, the pixels before and the pixel's own channels over some pixels, `[size, size]`, their lower triangle, and the
    /// number of these pixels.
    private func moments(of x: Matrix) -> (values: [Double], size: Int, count: Double) {
        let (pixels, width) = (layout.height * layout.width, layout.width)
        let size = 1 + (taps.count + 1) * channels
        var sums = [Double](repeating: 0, count: size * size)
        var features = [Double](repeating: 0, count: size)
        features[0] = 1
        // the phase goes on from row to row, so that all columns of the image are seen
        let step = (x.rows * pixels + Self.mostSamples - 1) / Self.mostSamples
        var count = 0.0
        for r in 0..<x.rows {
            for index in stride(from: r % step, to: pixels, by: step) {
                var i = 1
                for tap in taps + [(0, 0)] {
                    let isInside =
                        index / width + tap.dy >= 0 && (0..<width).contains(index % width + tap.dx)
                    let from = (index + tap.dy * width + tap.dx) * channels
                    for k in 0..<channels {
                        features[i] = isInside ? Double(x[r, from + k]) : 0
                        i += 1
                    }
                }
                for i in 0..<size { for j in 0...i { sums[i * size + j] += features[i] * features[j] } }
                count += 1
            }
        }
        // without it neighbours that are all but equal would have no solution of their own
        for i in 1..<size { sums[i * size + i] += Self.ridge * count }
        return (sums, size, count)
    }

    /// Variance that is added to every input of the fit.
    private static let ridge = 1e-6
}

extension [Double] {
    /// Lower triangular factor of a positive definite matrix, `[size, size]`, of which the lower triangle is read.
    fileprivate func choleskyFactor(size: Int) -> [Double] {
        var a = self
        for j in 0..<size {
            for k in 0..<j { a[j * size + j] -= a[j * size + k] * a[j * size + k] }
            a[j * size + j] = a[j * size + j].squareRoot()
            for i in j + 1..<size {
                for k in 0..<j { a[i * size + j] -= a[i * size + k] * a[j * size + k] }
                a[i * size + j] /= a[j * size + j]
            }
        }
        return a
    }
}
