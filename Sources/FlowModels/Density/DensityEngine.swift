import FlowCore
import System

/// Executor of a flow between preprocessing and the base density, with the buffers that its calls write on.
///
/// Knows nothing of the flow's type, and loops over indices: generic code that is not specialised, as in debug builds,
/// allocates for what it does not know the size of, an iterator's elements among them.
final class DensityEngine: Sendable {
    /// Buffers that belong to one call at a time.
    final class Workspace: @unchecked Sendable {
        var buffers: DensityBuffers

        init(rows: Int, dims: Int, classes: Int, drawsNoise: Bool, givesTerms: Bool) {
            buffers = DensityBuffers(
                rows: rows, dims: dims, classes: classes, drawsNoise: drawsNoise, givesTerms: givesTerms)
        }
    }

    /// Map between levels and the flow's input.
    let preprocessing: Preprocessing
    let flow: any FlowExecutor
    /// Executor of a ``Dequantizer``'s map; nil for uniform noise.
    let dequantizer: (any FlowExecutor)?
    /// Bytes before an image's own in the digest that seeds its noise: the model's name and a zero.
    let noisePrefix: [UInt8]
    let shape: EventShape
    /// Probability of each class, `[classes]`; empty unless the density is conditioned on them.
    let prior: [Double]
    let tileRows: Int
    let workspaces: Pool<Workspace>

    init(
        _ flow: any FlowExecutor, dequantizer: (any FlowExecutor)?, _ preprocessing: Preprocessing, name: String,
        shape: EventShape, prior: [Double]
    ) {
        precondition(flow.contextDims == prior.count && dequantizer?.dims ?? flow.dims == flow.dims)
        self.flow = flow
        self.dequantizer = dequantizer
        self.preprocessing = preprocessing
        self.prior = prior
        noisePrefix = Array(name.utf8) + [0]
        self.shape = shape
        tileRows = flow.tileRows
        let (rows, dims, classes, drawsNoise) = (tileRows, flow.dims, prior.count, dequantizer != nil)
        let givesTerms = flow.triangularOrder != nil
        workspaces = Pool {
            Workspace(rows: rows, dims: dims, classes: classes, drawsNoise: drawsNoise, givesTerms: givesTerms)
        }
    }

    /// Computes ``ImageDensity/logDensities(of:to:isCancelled:)``; after the first calls nothing is allocated.
    func logDensities(
        of rows: [DensityRow], to results: inout MutableSpan<LatentDensity>, isCancelled: () -> Bool
    ) throws {
        precondition(results.count == rows.count)
        for r in rows.indices { try check(rows[r]) }
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        let tiles = rows.count.blocks(of: tileRows)
        for t in 0..<tiles.count {
            let (first, count) = (tiles[t].lowerBound, tiles[t].count)
            var wantsTerms = false
            try fill(&workspace.buffers, rows, first, count) { r, logDet in
                results[first + r].logProb = logDet
                if rows[first + r].wantsEvidence { wantsTerms = givesTerms }
            }
            if isCancelled() { throw FlowError.cancelled }
            try workspace.buffers.forward(flow, rows: count, withTerms: wantsTerms)
            for r in 0..<count {
                let latentLogDensity = workspace.buffers.base[r] + Double(workspace.buffers.flowLogDets[r])
                results[first + r].logProb = latentLogDensity + results[first + r].logProb
                if rows[first + r].wantsEvidence {
                    results[first + r].latents = workspace.buffers.latentStatistics(ofRow: r, shape)
                    if wantsTerms {
                        workspace.buffers.setTerms(ofRow: r, preprocessing)
                        results[first + r].terms = TermStatistics(workspace.buffers.terms, offset: 0, shape: shape)
                    }
                }
            }
        }
    }

    /// Whether log-densities come with their per-pixel terms.
    var givesTerms: Bool { flow.triangularOrder != nil }

    /// Fills buffers with `count` rows from `first` on.
    /// - Parameter logDet: takes each row's `log |det ∂w/∂y| − log q(u | x)`, nats.
    /// - Throws: what the executor of a dequantizer throws.
    func fill(
        _ buffers: inout DensityBuffers, _ rows: [DensityRow], _ first: Int, _ count: Int,
        _ logDet: (Int, Double) -> Void
    ) throws {
        if let dequantizer {
            try buffers.drawNoise(dequantizer, rows, first, count, noisePrefix, preprocessing)
        }
        for r in 0..<count {
            logDet(
                r,
                dequantizer == nil
                    ? buffers.fill(r, rows[first + r], noisePrefix, preprocessing)
                    : buffers.fill(r, dequantized: rows[first + r], preprocessing))
            buffers.setClass(r, rows[first + r].classIndex)
        }
    }

    func check(_ row: DensityRow) throws {
        guard row.pixels.count == flow.dims else {
            throw FlowError.widthMismatch(argument: "pixels", expected: flow.dims, actual: row.pixels.count)
        }
        try check(row.classIndex)
        if row.classIndex == nil, !flow.infersContext {
            throw FlowError.outOfRange(argument: "class", value: "none", allowed: "0 to \(prior.count - 1)")
        }
        let highest = UInt8(preprocessing.levels - 1)
        if highest == .max { return }
        for j in row.pixels.indices where row.pixels[j] > highest {
            throw FlowError.outOfRange(argument: "pixels", value: "\(row.pixels[j])", allowed: "0 to \(highest)")
        }
    }

    func check(_ classIndex: Int?) throws {
        guard let classIndex, !prior.indices.contains(classIndex) else { return }
        throw FlowError.outOfRange(
            argument: "class", value: "\(classIndex)", allowed: prior.isEmpty ? "none" : "0 to \(prior.count - 1)")
    }

    /// Returns the class of a sample: the one asked for, or one drawn by the prior from the upper half of its seed's streams, which
    /// no latent uses; nil without classes.
    func classIndex(of row: SampleRow) -> Int? {
        if prior.isEmpty || row.classIndex != nil { return row.classIndex }
        var stream = RandomStream(seed: row.seed, stream: row.index | 1 << 63)
        var rest = Double(stream.uniform())
        for c in prior.indices {
            rest -= prior[c]
            if rest < 0 { return c }
        }
        return prior.count - 1
    }

    /// Computes ``ImageDensity/sample(_:isCancelled:)``.
    func sample(_ rows: [SampleRow], isCancelled: () -> Bool) throws -> [DrawnImage] {
        for row in rows {
            try check(row.classIndex)
            guard row.index < SampleRow.indexLimit else {
                throw FlowError.outOfRange(
                    argument: "index", value: "\(row.index)", allowed: "0 to \(SampleRow.indexLimit - 1)")
            }
        }
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        var images: [DrawnImage] = []
        images.reserveCapacity(rows.count)
        for block in rows.count.blocks(of: tileRows) {
            let tile = rows[block]
            var drawn = try draw(tile, attempt: 0, &workspace.buffers, isCancelled)
            for attempt in 1...Self.maxRedraws where drawn.contains(where: { $0 == nil }) {
                for r in drawn.indices where drawn[r] == nil {
                    drawn[r] = try draw(tile.dropFirst(r).prefix(1), attempt: attempt, &workspace.buffers, isCancelled)[
                        0]
                }
            }
            for (r, image) in drawn.enumerated() {
                guard let image else { throw FlowError.notFinite(argument: "sample", row: block.lowerBound + r) }
                images.append(image)
            }
        }
        return images
    }

    /// Number of latents that are tried for a sample after the first: far from the data a flow's inverse may overflow single
    /// precision.
    static let maxRedraws: UInt64 = 8

    /// Draws the images of some samples from their latents number `attempt`, counted from 0; nil where one is not finite.
    private func draw(
        _ rows: ArraySlice<SampleRow>, attempt: UInt64, _ buffers: inout DensityBuffers, _ isCancelled: () -> Bool
    ) throws -> [DrawnImage?] {
        let dims = flow.dims
        for (r, row) in rows.enumerated() {
            buffers.fill(r, latentOf: row, attempt: attempt)
            buffers.setClass(r, classIndex(of: row))
        }
        try buffers.inverse(flow, rows: rows.count, isCancelled: isCancelled)
        return rows.enumerated().map { r, row in
            guard let (pixels, logDet) = preprocessing.image(from: buffers.output[r * dims..<(r + 1) * dims]) else {
                return nil
            }
            let logDensity = buffers.base[r] - Double(buffers.flowLogDets[r]) + logDet
            guard logDensity.isFinite else { return nil }
            return DrawnImage(pixels: pixels, logDensity: logDensity, classIndex: classIndex(of: row))
        }
    }
}

/// Buffers of one call, for as many rows as a tile of the executor has; their methods allocate nothing.
struct DensityBuffers {
    private let dims: Int
    let classes: Int
    /// SHA-256 that seeds the noise of one row.
    private var digest = [UInt8](repeating: 0, count: 32)
    /// Noise of one row, `[D]`.
    private var noise: [Float]
    /// Classes as one-hot, `[rows, classes]`.
    private(set) var context: [Float]
    /// What the flow is given, `[rows, D]`.
    var input: [Float]
    /// What the flow makes of ``input``, `[rows, D]`.
    private(set) var output: [Float]
    /// Log-determinants of the flow, `[rows]`, nats.
    private(set) var flowLogDets: [Float]
    /// Log-derivatives of the flow, `[rows, D]`, nats; empty where it does not tell them.
    private var logDerivatives: [Float]
    /// Terms of one row's log-density, `[D]`, nats; empty likewise.
    private(set) var terms: [Float]
    /// Log-densities of the latents under the base distribution, `[rows]`, nats.
    private(set) var base: [Double]
    /// Buffers of a dequantizer; nil for uniform noise.
    private var learnedNoise: LearnedNoiseBuffers?

    init(rows: Int, dims: Int, classes: Int, drawsNoise: Bool, givesTerms: Bool) {
        self.dims = dims
        self.classes = classes
        context = Array(repeating: 0, count: rows * classes)
        noise = Array(repeating: 0, count: dims)
        input = Array(repeating: 0, count: rows * dims)
        output = input
        flowLogDets = Array(repeating: 0, count: rows)
        logDerivatives = givesTerms ? input : []
        terms = givesTerms ? noise : []
        base = Array(repeating: 0, count: rows)
        if drawsNoise { learnedNoise = LearnedNoiseBuffers(rows: rows, dims: dims) }
    }

    /// Returns the seed of a row's noise: a function of the image's bytes and the model's name alone, so that the same image always
    /// gets the same answer.
    private mutating func noiseSeed(of row: DensityRow, _ prefix: [UInt8]) -> UInt64 {
        var hash = SHA256()
        hash.update(prefix.span)
        hash.update(row.pixels.span)
        hash.finish(into: &digest)
        var seed: UInt64 = 0
        for i in 0..<8 { seed = seed << 8 | UInt64(digest[i]) }
        return seed
    }

    /// Has a dequantizer draw the noise of `count` rows from `first` on, once for rows of one image and draw that follow one
    /// another, as those of the classes of a mixture do.
    /// - Throws: what the executor throws.
    mutating func drawNoise(
        _ dequantizer: any FlowExecutor, _ rows: [DensityRow], _ first: Int, _ count: Int, _ prefix: [UInt8],
        _ preprocessing: Preprocessing
    ) throws {
        var place = -1
        for r in 0..<count {
            let isNew =
                r == 0 || rows[first + r].draw != rows[first + r - 1].draw
                || rows[first + r].pixels != rows[first + r - 1].pixels
            if isNew {
                place += 1
                let seed = noiseSeed(of: rows[first + r], prefix)
                // the buffers are there with a dequantizer
                learnedNoise!.prepare(place, rows[first + r], seed: seed, levels: preprocessing.levels)
            }
            learnedNoise!.places[r] = place
        }
        try learnedNoise!.draw(dequantizer, rows: place + 1)
    }

    /// Fills row `r` of the input with an image and the noise that was drawn for it.
    /// - Returns: `log |det ∂w/∂y| − log q(u | x)`, nats.
    mutating func fill(_ r: Int, dequantized row: DensityRow, _ preprocessing: Preprocessing) -> Double {
        let dims = dims
        let logDensity = learnedNoise!.setNoise(&noise, ofRow: r)  // there with a dequantizer
        let drawn = noise
        var span = input.mutableSpan
        return preprocessing.flowInput(pixels: row.pixels[0..<dims], noise: drawn, w: &span, offset: r * dims)
            - logDensity
    }

    /// Fills row `r` of the input with an image and uniform noise.
    /// - Returns: `log |det ∂w/∂y|`, nats.
    mutating func fill(_ r: Int, _ row: DensityRow, _ prefix: [UInt8], _ preprocessing: Preprocessing) -> Double {
        let seed = noiseSeed(of: row, prefix)
        let dims = dims
        var noiseSpan = noise.mutableSpan
        RandomStream.uniforms(seed: seed, stream: UInt64(row.draw), to: &noiseSpan, count: dims)
        let drawn = noise
        var span = input.mutableSpan
        return preprocessing.flowInput(pixels: row.pixels[0..<dims], noise: drawn, w: &span, offset: r * dims)
    }

    /// Fills row `r` of the input with latent number `attempt` of a sample.
    mutating func fill(_ r: Int, latentOf row: SampleRow, attempt: UInt64) {
        let dims = dims
        var span = input.mutableSpan
        RandomStream.normals(
            seed: row.seed, stream: row.index | attempt << 48, to: &span, offset: r * dims, count: dims)
        for j in r * dims..<(r + 1) * dims { span[j] *= row.temperature }
    }

    /// Sets the context of row `r` to a class as one-hot, or to zeros without one.
    mutating func setClass(_ r: Int, _ classIndex: Int?) {
        for c in 0..<classes { context[r * classes + c] = c == classIndex ? 1 : 0 }
    }

    /// Maps the first rows data → latent, and computes the base log-density of what comes out.
    /// - Parameter withTerms: whether ``setTerms(ofRow:_:)`` follows.
    /// - Throws: what the executor throws.
    mutating func forward(_ flow: any FlowExecutor, rows: Int, withTerms: Bool = false) throws {
        if withTerms {
            try flow.forward(
                input, context: context, rows: rows, z: &output, logDet: &flowLogDets, logDerivatives: &logDerivatives)
        } else {
            try flow.forward(input, context: context, rows: rows, z: &output, logDet: &flowLogDets)
        }
        standardNormalLogDensity(output, rows: rows, dims: dims, to: &base)
    }

    /// Sets ``terms`` to those of row `r` of ``forward(_:rows:withTerms:)``: `log p(y_d | y_<d)`, nats.
    mutating func setTerms(ofRow r: Int, _ preprocessing: Preprocessing) {
        let (dims, first) = (dims, r * dims)
        preprocessing.logDerivatives(ofInput: input, offset: first, to: &terms)
        for j in 0..<dims {
            let z = output[first + j]
            terms[j] += logDerivatives[first + j] - 0.5 * z * z - Self.halfLogTau
        }
    }

    /// `½ ln 2π`.
    private static let halfLogTau: Float = 0.918_938_53

    /// Computes the statistics of what ``forward(_:rows:)`` made of row `r`, of shape `shape`.
    func latentStatistics(ofRow r: Int, _ shape: EventShape) -> LatentStatistics {
        LatentStatistics(output, offset: r * dims, shape: shape)
    }

    /// Maps the first rows latent → data, and computes the base log-density of what goes in.
    /// - Parameter positions: positions of the flow's ``FlowExecutor/conditionalSolve`` to solve for, at least; nil for all.
    /// - Throws: what the executor throws, such as ``FlowError/cancelled``.
    mutating func inverse(
        _ flow: any FlowExecutor, rows: Int, positions: Int? = nil, isCancelled: () -> Bool
    ) throws {
        standardNormalLogDensity(input, rows: rows, dims: dims, to: &base)
        if let positions {
            return try flow.inverse(
                input, context: context, rows: rows, positions: positions, x: &output, logDet: &flowLogDets,
                isCancelled: isCancelled)
        }
        try flow.inverse(
            input, context: context, rows: rows, x: &output, logDet: &flowLogDets, isCancelled: isCancelled)
    }
}
