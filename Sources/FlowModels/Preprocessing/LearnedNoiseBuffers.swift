import FlowCore

/// Buffers in which a ``Dequantizer`` draws the noise of a tile's rows; their methods allocate nothing.
struct LearnedNoiseBuffers {
    private let dims: Int
    /// Row of the buffers that has the noise of each row of the tile.
    var places: [Int]
    /// Standard normal numbers ε, `[rows, D]`.
    private var epsilon: [Float]
    /// Images as context, `[rows, D]`.
    private var images: [Float]
    /// What the map makes of ε, `[rows, D]`.
    private var v: [Float]
    /// Log-determinants `log |det ∂v/∂ε|`, `[rows]`, nats.
    private var logDets: [Float]
    /// Log-densities `log N(ε; 0, I)`, `[rows]`, nats.
    private var epsilonLogDensities: [Double]
    /// Log-densities `log N(v; 0, I)`, `[rows]`, nats.
    private var vLogDensities: [Double]

    /// Allocates for up to `rows` rows.
    init(rows: Int, dims: Int) {
        self.dims = dims
        places = Array(repeating: 0, count: rows)
        epsilon = Array(repeating: 0, count: rows * dims)
        images = epsilon
        v = epsilon
        logDets = Array(repeating: 0, count: rows)
        epsilonLogDensities = Array(repeating: 0, count: rows)
        vLogDensities = epsilonLogDensities
    }

    /// Draws ε, and sets the context of one image, in row `place` of the buffers.
    mutating func prepare(_ place: Int, _ row: DensityRow, seed: UInt64, levels: Int) {
        let dims = dims
        var span = epsilon.mutableSpan
        RandomStream.normals(
            seed: seed, stream: UInt64(row.draw), to: &span, offset: place * dims, count: dims)
        Dequantizer.setContext(&images, pixels: row.pixels[0..<dims], levels: levels, offset: place * dims)
    }

    /// Runs the map on the first `rows` rows of the buffers.
    /// - Throws: what the executor throws.
    mutating func draw(_ map: any FlowExecutor, rows: Int) throws {
        try map.forward(epsilon, context: images, rows: rows, z: &v, logDet: &logDets)
        standardNormalLogDensity(epsilon, rows: rows, dims: dims, to: &epsilonLogDensities)
        standardNormalLogDensity(v, rows: rows, dims: dims, to: &vLogDensities)
    }

    /// Sets `noise`, `[D]`, to that of row `r` of the tile.
    /// - Returns: `log q(u | x)`, nats.
    mutating func setNoise(_ noise: inout [Float], ofRow r: Int) -> Double {
        let place = places[r]
        Dequantizer.setNoise(&noise, of: v, place * dims, count: dims)
        return epsilonLogDensities[place] - Double(logDets[place]) - vLogDensities[place]
    }
}
