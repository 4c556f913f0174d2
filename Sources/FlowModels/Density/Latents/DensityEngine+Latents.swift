import FlowCore
import System

/// Both directions one after the other: latents of images, images of latents, and what is lost on the way.
extension DensityEngine {
    /// Computes ``ImageDensity/encode(_:isCancelled:)``.
    func encode(_ rows: [DensityRow], isCancelled: () -> Bool) throws -> [EncodedLatent] {
        for row in rows { try check(row) }
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        return try rows.count.blocks(of: tileRows).flatMap { block in
            try encode(rows, block, &workspace.buffers, isCancelled)
        }
    }

    /// Computes the latents of the rows of one tile.
    private func encode(
        _ rows: [DensityRow], _ block: Range<Int>, _ buffers: inout DensityBuffers, _ isCancelled: () -> Bool
    ) throws -> [EncodedLatent] {
        let dims = flow.dims
        let (first, count) = (block.lowerBound, block.count)
        var logDets: [Double] = []
        try fill(&buffers, rows, first, count) { _, logDet in logDets.append(logDet) }
        let inputs = Array(buffers.input[..<(count * dims)])
        if isCancelled() { throw FlowError.cancelled }
        try buffers.forward(flow, rows: count)
        var latents = (0..<count).map { r in
            EncodedLatent(
                latent: Array(buffers.output[r * dims..<(r + 1) * dims]),
                logProb: buffers.base[r] + Double(buffers.flowLogDets[r]) + logDets[r], roundTripError: nil)
        }
        for (r, latent) in latents.enumerated() { buffers.setInput(r, latent.latent) }
        try buffers.inverse(flow, rows: count, isCancelled: isCancelled)
        for r in 0..<count {
            let decoded = buffers.output[r * dims..<(r + 1) * dims]
            guard let image = preprocessing.image(from: decoded) else { continue }
            latents[r].roundTripError = EncodedLatent.RoundTripError(
                levels: zip(image.pixels, rows[first + r].pixels).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) },
                input: largestDistance(decoded, inputs[r * dims..<(r + 1) * dims]))
        }
        return latents
    }

    /// Computes ``ImageDensity/decode(_:isCancelled:)``.
    func decode(_ rows: [LatentRow], isCancelled: () -> Bool) throws -> [DecodedLatent?] {
        for (r, row) in rows.enumerated() { try check(row, at: r) }
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        return try rows.count.blocks(of: tileRows).flatMap { block in
            try decode(rows[block], &workspace.buffers, isCancelled)
        }
    }

    private func check(_ row: LatentRow, at place: Int) throws {
        guard row.latent.count == flow.dims else {
            throw FlowError.widthMismatch(argument: "latent", expected: flow.dims, actual: row.latent.count)
        }
        guard row.latent.allSatisfy(\.isFinite) else { throw FlowError.notFinite(argument: "latent", row: place) }
        try checkNeeded(row.classIndex)
    }

    /// Computes the images of the latents of one tile.
    private func decode(
        _ rows: ArraySlice<LatentRow>, _ buffers: inout DensityBuffers, _ isCancelled: () -> Bool
    ) throws -> [DecodedLatent?] {
        let dims = flow.dims
        for (r, row) in rows.enumerated() {
            buffers.setInput(r, row.latent)
            buffers.setClass(r, row.classIndex)
        }
        try buffers.inverse(flow, rows: rows.count, isCancelled: isCancelled)
        var decoded = rows.enumerated().map { r, row -> DecodedLatent? in
            guard let (pixels, logDet) = preprocessing.image(from: buffers.output[r * dims..<(r + 1) * dims]) else {
                return nil
            }
            let logDensity = buffers.base[r] - Double(buffers.flowLogDets[r]) + logDet
            guard logDensity.isFinite else { return nil }
            let image = DrawnImage(pixels: pixels, logDensity: logDensity, classIndex: row.classIndex)
            return DecodedLatent(image: image, roundTripError: 0)
        }
        for r in decoded.indices {
            buffers.setInput(
                r,
                decoded[r] == nil ? Array(repeating: 0, count: dims) : Array(buffers.output[r * dims..<(r + 1) * dims]))
        }
        if isCancelled() { throw FlowError.cancelled }
        try buffers.forward(flow, rows: rows.count)
        for (r, row) in rows.enumerated() {
            let error = largestDistance(buffers.output[r * dims..<(r + 1) * dims], row.latent[...])
            decoded[r]?.roundTripError = error
        }
        for (r, row) in rows.enumerated() where row.wantsStates && decoded[r] != nil {
            decoded[r]?.states = try states(of: row, context: buffers.context(of: r), isCancelled)
        }
        return decoded
    }

    /// Computes ``DecodedLatent/states``.
    private func states(
        of row: LatentRow, context: [Float], _ isCancelled: () -> Bool
    ) throws -> [[UInt8]] {
        let (steps, most) = (flow.steps, DecodedLatent.mostStates - 1)
        let chosen = steps <= most ? Set(0...steps) : Set((0...most).map { $0 * steps / most })
        var states: [[UInt8]] = []
        try flow.inverseSteps(row.latent, context: context, isCancelled: isCancelled) { step, values in
            guard chosen.contains(step), let pixels = preprocessing.image(from: values[...])?.pixels else { return }
            states.append(pixels)
        }
        return states
    }

    /// Refuses a class that there is not, or none where the density is conditioned on one.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)``.
    func checkNeeded(_ classIndex: Int?) throws {
        try check(classIndex)
        if classIndex == nil, !flow.infersContext {
            throw FlowError.outOfRange(argument: "class", value: "none", allowed: "0 to \(prior.count - 1)")
        }
    }
}

/// Computes the largest distance of two numbers at the same place; infinite where one of them is NaN.
func largestDistance(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Float {
    zip(a, b).reduce(0) { largest, pair in
        let distance = abs(pair.0 - pair.1)
        return distance.isNaN ? .infinity : max(largest, distance)
    }
}

extension DensityBuffers {
    /// Sets row `r` of what the flow is given, `[D]`.
    mutating func setInput(_ r: Int, _ values: [Float]) {
        var span = input.mutableSpan
        for j in 0..<values.count { span[r * values.count + j] = values[j] }
    }

    /// Class of row `r` as one-hot, `[classes]`; empty without classes.
    fileprivate func context(of r: Int) -> [Float] { Array(context[r * classes..<(r + 1) * classes]) }
}
