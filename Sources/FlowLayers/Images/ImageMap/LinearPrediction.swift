import FlowCore

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
    var weights: [Float]
    /// Constant part of the prediction of each channel, `[channels]`.
    var shift: [Float]
    /// Logarithm of the scale of what is left over of each channel, `[channels]`, nats.
    var logScale: [Float]

    var channels: Int { layout.channels }

    /// Bound `B` of what the network adds to the log-scales, nats.
    static let bound: Float = 5

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
    func first(_ c: Int) -> Int { c * taps.count * channels + c * (c - 1) / 2 }
    /// Index of the parameter `a[c, k]` among those of a pixel.
    func coefficient(_ c: Int, _ k: Int) -> Int { 2 * channels + c * (c - 1) / 2 + k }

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
}
