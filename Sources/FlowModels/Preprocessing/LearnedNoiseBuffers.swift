import FlowCore

/// What a ``Dequantizer`` writes on while it draws the noise of a tile's rows; its methods allocate nothing.
struct LearnedNoiseBuffers {
    private let dims: Int
    /// Of each row, which row of the buffers has its noise.
    var places: [Int]
    /// `[rows, D]`: ε, the images as context, and what the map makes of them.
    private var epsilon: [Float]
    private var images: [Float]
    private var v: [Float]
    /// `[rows]`: `log |det ∂v/∂ε|`, `log N(ε; 0, I)` and `log N(v; 0, I)`, nats.
    private var logDets: [Float]
    private var ofEpsilon: [Double]
    private var ofV: [Double]

    /// For up to `rows` rows.
    init(rows: Int, dims: Int) {
        self.dims = dims
        places = Array(repeating: 0, count: rows)
        epsilon = Array(repeating: 0, count: rows * dims)
        images = epsilon
        v = epsilon
        logDets = Array(repeating: 0, count: rows)
        ofEpsilon = Array(repeating: 0, count: rows)
        ofV = ofEpsilon
    }

    /// Makes ε and context of one image at `place`.
    mutating func prepare(_ place: Int, _ row: DensityRow, seed: UInt64, levels: Int) {
        let dims = dims
        var span = epsilon.mutableSpan
        RandomStream.normals(
            seed: seed, stream: UInt64(row.draw), to: &span, offset: place * dims, count: dims)
        Dequantizer.setContext(&images, pixels: row.pixels[0..<dims], levels: levels, offset: place * dims)
    }

    mutating func draw(_ map: any FlowExecutor, rows: Int) throws {
        try map.forward(epsilon, context: images, rows: rows, z: &v, logDet: &logDets)
        standardNormalLogDensity(epsilon, rows: rows, dims: dims, to: &ofEpsilon)
        standardNormalLogDensity(v, rows: rows, dims: dims, to: &ofV)
    }

    /// The noise of row `r`.
    /// - Returns: `log q(u | x)`, nats.
    mutating func setNoise(_ noise: inout [Float], ofRow r: Int) -> Double {
        let place = places[r]
        Dequantizer.setNoise(&noise, of: v, place * dims, count: dims)
        return ofEpsilon[place] - Double(logDets[place]) - ofV[place]
    }
}
