import FlowCore
import Glibc
import System

/// Draws of the unknown pixels of an image given the known ones.
extension DensityEngine {
    /// Computes ``ImageDensity/completionMethod(of:)``.
    func completionMethod(of row: CompletionRow) -> CompletionMethod {
        guard let solve = flow.conditionalSolve else { return .chain }
        let isGiven = given(row, solve)
        let prefix = isGiven.prefix { $0 }.count
        let isExact = !isGiven[prefix...].contains(true) && alternatives(row) <= solve.mostRows
        return isExact ? .conditional : .particles
    }

    /// Number of classes that an exact draw has to try.
    private func alternatives(_ row: CompletionRow) -> Int { row.classIndex == nil ? max(1, prior.count) : 1 }

    /// Number of rows of a solve that a completion takes.
    private func particles(_ row: CompletionRow, _ method: CompletionMethod, _ solve: ConditionalSolve) -> Int {
        method == .conditional ? alternatives(row) : min(row.particles, solve.mostRows)
    }

    /// Returns whether each position of a solve is a known pixel's.
    private func given(_ row: CompletionRow, _ solve: ConditionalSolve) -> [Bool] {
        solve.positions.map { row.isKnown[$0.lowerBound / shape.channels] }
    }

    /// Computes ``ImageDensity/complete(_:isCancelled:)``.
    func complete(_ rows: [CompletionRow], isCancelled: () -> Bool) throws -> [CompletedImage?] {
        for row in rows { try check(row) }
        guard let solve = flow.conditionalSolve else { return try chains(rows, isCancelled: isCancelled) }
        var images: [CompletedImage?] = []
        while images.count < rows.count {
            // those of one mask are solved side by side
            let first = rows[images.count]
            let method = completionMethod(of: first)
            let particles = particles(first, method, solve)
            let alike = rows[images.count...].prefix(max(1, solve.mostRows / particles)).prefix {
                $0.isKnown == first.isKnown && $0.temperature == first.temperature
                    && ($0.classIndex == nil) == (first.classIndex == nil)
                    && self.particles($0, method, solve) == particles
            }
            images += try complete(Array(alike), method, particles, solve, isCancelled)
        }
        return images
    }

    private func check(_ row: CompletionRow) throws {
        guard row.isKnown.count * shape.channels == flow.dims else {
            throw FlowError.widthMismatch(
                argument: "mask", expected: flow.dims / shape.channels, actual: row.isKnown.count)
        }
        guard (1...CompletionRow.mostParticles).contains(row.particles), row.moves > 0,
            row.index < SampleRow.indexLimit, row.temperature > 0
        else {
            throw FlowError.outOfRange(
                argument: "particles", value: "\(row.particles)", allowed: "1 to \(CompletionRow.mostParticles)")
        }
        try check(DensityRow(pixels: row.pixels, classIndex: row.classIndex ?? (prior.isEmpty ? nil : 0)))
    }

    /// Draws completions of one mask side by side, each with `particles` rows of a solve.
    private func complete(
        _ rows: [CompletionRow], _ method: CompletionMethod, _ particles: Int, _ solve: ConditionalSolve,
        _ isCancelled: () -> Bool
    ) throws -> [CompletedImage?] {
        let dims = flow.dims
        var tile = solve.rows(rows.count * particles)
        var runs: [ParticleRun] = []
        for (i, row) in rows.enumerated() {
            var run = ParticleRun(
                rows: i * particles..<(i + 1) * particles, resamples: method == .particles, stream: row.choices)
            let known = row.knownInput(preprocessing)
            let classes = classes(of: row, method, &run)
            for (m, r) in run.rows.enumerated() {
                let latent = row.latent(m, dims: dims)
                for j in 0..<dims {
                    tile.data.elements[r * tile.data.stride + j] = known[j]
                    tile.latents.elements[r * tile.latents.stride + j] = latent[j]
                }
                for c in prior.indices { tile.data.context[r * prior.count + c] = c == classes[m] ? 1 : 0 }
                if method == .conditional, row.classIndex == nil, !prior.isEmpty { tile.logWeights[r] = log(prior[m]) }
            }
            runs.append(run)
        }
        let isGiven = given(rows[0], solve)
        let firstUnknown = isGiven.firstIndex(of: false) ?? isGiven.count
        let choice = Array(0..<rows.count * particles)
        try solve.run(
            &tile, isGiven: isGiven, temperature: Double(rows[0].temperature), isCancelled: isCancelled
        ) { position, logWeights in
            var next = choice
            var hasChanged = false
            for i in runs.indices where position > firstUnknown || prior.count > 1 {
                if runs[i].resample(&logWeights, &next) { hasChanged = true }
            }
            return hasChanged ? next : nil
        }
        return try finish(rows, &runs, tile, isCancelled)
    }

    /// Returns the class of each of a run's particles; nil where the density has none.
    private func classes(of row: CompletionRow, _ method: CompletionMethod, _ run: inout ParticleRun) -> [Int?] {
        if prior.isEmpty || row.classIndex != nil { return run.rows.map { _ in row.classIndex } }
        return method == .conditional ? Array(prior.indices) : run.classes(prior)
    }

    /// Chooses a particle of each run, and computes what is said of it.
    private func finish(
        _ rows: [CompletionRow], _ runs: inout [ParticleRun], _ tile: ConditionalSolve.Rows, _ isCancelled: () -> Bool
    ) throws -> [CompletedImage?] {
        let dims = flow.dims
        var drawn: [DrawnPoint?] = []
        for (i, row) in rows.enumerated() {
            guard let r = runs[i].choose(tile.logWeights) else {
                drawn.append(nil)
                continue
            }
            let context = tile.data.context[r * prior.count..<(r + 1) * prior.count]
            drawn.append(
                DrawnPoint(
                    row: row, input: Array(tile.data.elements[r * tile.data.stride..<r * tile.data.stride + dims]),
                    latent: Array(tile.latents.elements[r * tile.latents.stride..<r * tile.latents.stride + dims]),
                    classIndex: prior.isEmpty
                        ? row.classIndex : context.firstIndex(of: 1).map { $0 - context.startIndex }))
        }
        var images = try completedImages(drawn, isCancelled)
        for i in runs.indices where runs[i].resamples {
            images[i]?.effectiveSampleSize = runs[i].effectiveSampleSize
            images[i]?.ancestors = runs[i].ancestors
        }
        return images
    }

    /// Point that was drawn for a completion.
    struct DrawnPoint {
        var row: CompletionRow
        /// The flow's input, `[D]`.
        var input: [Float]
        /// Latent that it was decoded from, `[D]`; nil where it is not of one.
        var latent: [Float]?
        var classIndex: Int?
    }

    /// Computes the images of drawn points, their log-densities, and how far their latents are from those that they were decoded
    /// from, or else from those of their latents' images; nil where one is not finite.
    func completedImages(_ points: [DrawnPoint?], _ isCancelled: () -> Bool) throws -> [CompletedImage?] {
        try points.count.blocks(of: tileRows).flatMap { block in
            let points = Array(points[block])
            let (latents, logDensities) = try encode(points, isCancelled)
            return try points.enumerated().map { r, point -> CompletedImage? in
                guard let point, let (levels, logDet) = preprocessing.image(from: point.input[...]),
                    (logDensities[r] + logDet).isFinite
                else { return nil }
                var pixels = levels
                for j in pixels.indices where point.row.isKnown[j / shape.channels] { pixels[j] = point.row.pixels[j] }
                let error =
                    if let latent = point.latent {
                        largestDistance(latents[r][...], latent[...])
                    } else {
                        try decode(
                            [LatentRow(latent: latents[r], classIndex: point.classIndex)], isCancelled: isCancelled)[0]?
                            .roundTripError ?? .infinity
                    }
                let image = DrawnImage(
                    pixels: pixels, logDensity: logDensities[r] + logDet, classIndex: point.classIndex)
                return CompletedImage(image: image, roundTripError: error)
            }
        }
    }

    /// Computes the latents of points, at most a tile of them, with the log-densities of the flow's inputs, nats.
    private func encode(
        _ points: [DrawnPoint?], _ isCancelled: () -> Bool
    ) throws -> (latents: [[Float]], logDensities: [Double]) {
        let dims = flow.dims
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        for (r, point) in points.enumerated() {
            workspace.buffers.setInput(r, point?.input ?? Array(repeating: 0, count: dims))
            workspace.buffers.setClass(r, point?.classIndex ?? (prior.isEmpty ? nil : 0))
        }
        if isCancelled() { throw FlowError.cancelled }
        try workspace.buffers.forward(flow, rows: points.count)
        let buffers = workspace.buffers
        return (
            points.indices.map { Array(buffers.output[$0 * dims..<($0 + 1) * dims]) },
            points.indices.map { buffers.base[$0] + Double(buffers.flowLogDets[$0]) }
        )
    }
}

/// Random streams of a completion, none of which a sample of the same seed and index has.
extension CompletionRow {
    private static let latents: UInt64 = 1 << 62
    private static let noise: UInt64 = 1 << 61

    /// Random numbers of classes, of resampling and of accepting moves.
    var choices: RandomStream { RandomStream(seed: seed, stream: index | Self.latents | Self.noise) }

    /// Draws latent number `m`, below 2⁸, of a particle, `[D]`.
    func latent(_ m: Int, dims: Int) -> [Float] {
        var latent = [Float](repeating: 0, count: dims)
        var span = latent.mutableSpan
        RandomStream.normals(seed: seed, stream: index | UInt64(m) << 48 | Self.latents, to: &span, count: dims)
        for j in 0..<dims { span[j] *= temperature }
        return latent
    }

    /// Returns the flow's input of the image, `[D]`, dequantized with uniform noise; of pixels that are not known it means nothing.
    func knownInput(_ preprocessing: Preprocessing) -> [Float] {
        var noise = [Float](repeating: 0, count: pixels.count)
        var span = noise.mutableSpan
        RandomStream.uniforms(seed: seed, stream: index | Self.noise, to: &span, count: pixels.count)
        var input = [Float](repeating: 0, count: pixels.count)
        var inputSpan = input.mutableSpan
        _ = preprocessing.flowInput(pixels: pixels[...], noise: noise, w: &inputSpan)
        return input
    }
}
