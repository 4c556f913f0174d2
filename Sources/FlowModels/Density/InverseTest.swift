import FlowCore

/// Test of a flow's inverse, with which images are drawn, against its density's direction: latents of a draw are mapped to data and
/// back. Of a flow that maps pixel after pixel it takes the first ones alone; those behind them are done by the same code.
///
/// It does not measure how well a flow is conditioned: latents that do not come back are tried again nearer to the middle.
public struct InverseTest: Sendable, Equatable {
    /// Largest distance of a dimension of the latents from where it came back to.
    public var error: Float
    /// Fraction of the inverse's work for an image that was done, in `(0, 1]`.
    public var fraction: Double
    /// Time that it took.
    public var time: Duration

    public init(error: Float, fraction: Double, time: Duration) {
        self.error = error
        self.fraction = fraction
        self.time = time
    }

    /// Pixels that a test is made of where a flow maps one after another: of the small pictures for which that is affordable a row and
    /// some of the next.
    public static let pixels = 32
    /// Largest error of a flow that undoes itself, half a standard deviation of the latents: rounding stays far below, and what was
    /// computed with other numbers than the density's is far above at some of ``pixels``.
    public static let tolerance: Float = 0.5

    /// Whether the inverse undoes the density's direction.
    public var hasPassed: Bool { error <= Self.tolerance }
}

extension DensityEngine {
    /// Computes ``ImageDensity/testInverse(pixels:isCancelled:)``.
    func testInverse(pixels: Int, isCancelled: () -> Bool) throws -> InverseTest {
        let workspace = workspaces.take()
        defer { workspaces.giveBack(workspace) }
        var best: InverseTest?
        for attempt in 0...Self.maxRedraws {
            // Far out a flow may lose all digits on the way, such as a mixture's in its tails; so each draw is nearer to the middle.
            let temperature = 1 - Float(attempt) / Float(Self.maxRedraws)
            let row = SampleRow(seed: 0, index: 0, temperature: temperature)
            guard let test = try testInverse(row, attempt, pixels, &workspace.buffers, isCancelled) else { continue }
            if test.error < best?.error ?? .infinity { best = test }
            if test.hasPassed { break }
        }
        guard let best else { throw FlowError.notFinite(argument: "sample", row: 0) }
        return best
    }

    /// Tests latents number `attempt` of a sample; nil where what they are mapped to, or that back, is not finite.
    private func testInverse(
        _ row: SampleRow, _ attempt: UInt64, _ pixels: Int, _ buffers: inout DensityBuffers, _ isCancelled: () -> Bool
    ) throws -> InverseTest? {
        let positions = flow.conditionalSolve?.positions
        let solved = positions.map { min($0.count, pixels) }
        let dims = positions.map { Array($0.prefix(pixels).joined()) } ?? Array(0..<flow.dims)
        buffers.fill(0, latentOf: row, attempt: attempt)
        buffers.setClass(0, classIndex(of: row))
        let latents = dims.map { buffers.input[$0] }
        let start = ContinuousClock.now
        try buffers.inverse(flow, rows: 1, positions: solved, isCancelled: isCancelled)
        let time = start.duration(to: .now)
        var data = [Float](repeating: 0, count: flow.dims)
        for d in dims { data[d] = buffers.output[d] }
        guard data.allSatisfy(\.isFinite) else { return nil }
        buffers.setInput(0, data)
        if isCancelled() { throw FlowError.cancelled }
        try buffers.forward(flow, rows: 1)
        let error = largestDistance(dims.map { buffers.output[$0] }[...], latents[...])
        return error.isFinite
            ? InverseTest(error: error, fraction: Double(solved ?? 1) / Double(positions?.count ?? 1), time: time) : nil
    }
}
