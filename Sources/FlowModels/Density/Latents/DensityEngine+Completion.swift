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
}
