import FlowCore
import FlowKernels
import FlowModels

/// Source of the dequantization noise of rows.
enum NoiseSource: Sendable {
    /// Uniform noise.
    case uniform
    /// A dequantizer under training, whose passes are remembered.
    case learning(Dequantizer)
    /// The map of a trained dequantizer.
    case learned(FlowEngine)
}

/// One pass of a dequantizer under training, for some rows.
struct NoisePass: Sendable {
    private let map: AffineCouplingFlow
    private let preprocessing: Preprocessing
    /// Levels of the images, `[rows, D]`.
    private let pixels: [UInt8]
    /// What the map made of ε, `[rows, D]`.
    private let v: Matrix
    /// Noise `Φ(v)`, `[rows, D]`.
    private let noise: [Float]
    /// Tape of the map.
    private(set) var tape: Dequantizer.Tape

    /// Returns the bytes that a pass holds beside its tape: levels, v and noise.
    static func bytes(rows: Int, dims: Int) -> Int { 9 * rows * dims }

    init(
        _ dequantizer: Dequantizer, _ preprocessing: Preprocessing, pixels: [UInt8], v: Matrix, noise: [Float],
        tape: Dequantizer.Tape
    ) {
        map = dequantizer.map
        self.preprocessing = preprocessing
        self.pixels = pixels
        self.v = v
        self.noise = noise
        self.tape = tape
    }

    /// Leaves in the tape what the gradients of the dequantizer are made of, of the loss
    ///
    ///     L = −weight · Σ [log p(w) + log |∂w/∂y| − log q(u | x)]
    ///
    /// given `∂L/∂w`. The noise is a function of ε, which does not move with the parameters: `u = Φ(v)`, `∂u/∂v = N(v; 0, 1)`.
    /// Source: Kingma & Welling, *Auto-Encoding Variational Bayes* (2014), §2.4, arXiv:1312.6114.
    mutating func backward(_ dw: Matrix, weight: Float) {
        let dims = dw.columns
        var dv = dw
        for r in 0..<dw.rows {
            let row = r * dims..<(r + 1) * dims
            preprocessing.pullBack(
                dw: &dv.elements, offset: row.lowerBound, dLogDet: -Double(weight), pixels: pixels[row],
                noise: noise[row])
        }
        // N(v; 0, 1), from its logarithm
        var densities = v.elements
        for i in densities.indices { densities[i] = -0.5 * densities[i] * densities[i] - 0.918_938_5 }
        let logs = densities
        var slopes = densities.mutableSpan
        Kernels.best.apply(.exp, from: logs.span, to: &slopes, count: logs.count)
        let inputs = v.elements
        let values = inputs.span
        var d = dv.elements.mutableSpan
        // the second term is that of −weight · log N(v), a part of weight · log q
        for i in 0..<values.count { d[i] = d[i] * slopes[i] + weight * values[i] }
        let cotangent = Cotangent(dz: dv, dLogDet: Array(repeating: -weight, count: dw.rows))
        _ = map.backward(cotangent, through: &tape)
    }
}
