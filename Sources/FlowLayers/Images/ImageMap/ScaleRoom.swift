import FlowKernels

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

extension LinearPrediction {
    /// Sets the scales of every lane to `exp g[c]`, or with `sign` −1 to `exp −g[c]`, and adds their logarithms to `logDet`.
    func setScales(
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
}
