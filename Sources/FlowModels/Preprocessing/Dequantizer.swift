public import FlowCore
import FlowKernels
public import FlowLayers

/// Variational dequantization: a distribution `q(u | x)` of the noise `u` in `(0, 1)^D` of an image `x`, learned with the
/// density.
///
///     v = f(ε; x)        ε ~ N(0, I), f affine couplings with x as context
///     u = Φ(v)           the normal distribution function
///     log q(u | x) = log N(ε; 0, I) − log |det ∂v/∂ε| − log N(v; 0, I)
///
///     log P(x) ≥ E_q [log p((x + u)/levels) − log q(u | x)] − D · ln levels
///
/// Where `f` is the identity, as at the start, the noise is uniform and `q = 1`. The bound's distance from `log P(x)` is the
/// divergence of `q` from the density's own distribution of `u` given `x`; uniform noise asks of the density to be flat in
/// every cell instead.
///
/// Source: Ho et al., *Flow++* (2019), §3.1, arXiv:1902.00275, with couplings on vectors in place of convolutional ones, and `Φ`
/// in place of the sigmoid, with which no `f` of this kind gives uniform noise.
public struct Dequantizer: Parametrized {
    /// Map ε → v, whose `forward` direction alone is needed; ``setContext(_:pixels:levels:offset:)`` makes its context.
    public var map: AffineCouplingFlow
    /// Sizes that it was built from, a value for each of ``fields``.
    public let sizes: Sizes

    /// Number of couplings.
    public static let layers = SizeField<Int>(
        "layers", standard: 2, .range(1...1024), help: "Couplings of a variational dequantization.")
    /// Hidden units of each conditioner, layer by layer.
    public static let hidden = SizeField<[Int]>(
        "hidden", standard: [64], .lists(of: 1...64, in: 1...1 << 20), valueName: "n,n",
        help: "Hidden units of each, layer by layer.")
    /// Sizes that a dequantizer is built from.
    public static let fields: [any SizeDescription] = [layers, hidden]

    /// Bound of the couplings' log-scales, nats.
    private static let logScaleBound: Float = 3

    /// Builds the dequantizer of images of `shape`.
    /// - Parameter seed: seed of the initial weights; nil for zeros, to be filled from a file.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for images of one dimension, or bad sizes.
    public init(shape: EventShape, sizes: Sizes, seed: UInt64?) throws {
        self.sizes = try sizes.resolved(by: Self.fields)
        // the flow has the seed itself, and draws other numbers
        map = try AffineCouplingFlow(
            shape: shape, sizes: Self.flowSizes(shape, sizes), seed: seed.map { ~$0 })
    }

    /// Path of its parameters in a model file.
    private static let path = "dequantizer"

    private static func flowSizes(_ shape: EventShape, _ sizes: Sizes) -> Sizes {
        var flow = Sizes()
        flow[FlowFields.layers] = sizes[layers]
        flow[FlowFields.hidden] = sizes[hidden]
        flow[AffineTransform.logScaleBound] = logScaleBound
        flow.classes = shape.dims
        return flow
    }

    public var dims: Int { map.dims }
    public var partRows: Int { map.partRows }

    /// Counts the numbers in the arrays of such a dequantizer, none of which a mask holds at zero; nil where the count overflows.
    public static func parameterCount(shape: EventShape, sizes: Sizes) -> Int? {
        AffineCouplingFlow.parameterCount(shape: shape, sizes: flowSizes(shape, sizes))
    }

    /// Visits every parameter array; their names begin with `dequantizer`, and in a model file they follow the flow's.
    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try map.visitParameters { info, values in try body(info.within(Self.path), &values) }
    }

    public func visitGradients(of tapes: [ChainTape<Coupling>], _ body: (ParameterGradient) -> Void) {
        map.visitGradients(of: tapes) { gradient in
            body(ParameterGradient(info: gradient.info.within(Self.path), compute: gradient.compute))
        }
    }

    /// Sets the context from `offset` on to an image, `D` levels scaled to `[−1, 1]`.
    package static func setContext(_ context: inout [Float], pixels: ArraySlice<UInt8>, levels: Int, offset: Int) {
        let scale = 2 / Float(levels - 1)
        let values = pixels.span
        var span = context.mutableSpan
        for j in 0..<values.count { span[offset + j] = Float(values[j]) * scale - 1 }
    }

    /// Sets `count` numbers of `u` from `target` on to `Φ` of those of `v` from `offset` on.
    package static func setNoise(_ u: inout [Float], _ target: Int = 0, of v: [Float], _ offset: Int, count: Int) {
        var noise = u.mutableSpan
        Kernels.best.apply(.normalDistribution, from: v.span, offset, to: &noise, target, count: count)
    }
}
