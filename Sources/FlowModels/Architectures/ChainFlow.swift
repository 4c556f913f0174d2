public import FlowCore
public import FlowLayers

/// A flow that standardises its input, then applies a chain of maps of one kind, and may scale what comes out.
///
/// Log-determinants add up: `log|det ∂z/∂x| = Σᵢ log|det ∂zᵢ/∂zᵢ₋₁|`.
public protocol ChainFlow: FlowArchitecture where Tape == ChainTape<Layer> {
    /// Kind of the maps in the chain.
    associatedtype Layer: Bijection
    /// Affine map of each dimension, initialised to give mean 0 and standard deviation 1 over the first batch.
    var standardize: ActNorm { get set }
    /// Maps of the chain, in the order of data → latent.
    var layers: [Layer] { get set }
    /// Affine map of each latent dimension, behind the layers; nil, as by default, for none.
    var scaling: ActNorm? { get set }
}

/// Tape of a chain: those of its maps, in the order of data → latent.
public struct ChainTape<Layer: Bijection>: Sendable {
    var standardize: ActNorm.Tape
    var layers: [Layer.Tape]
    var scaling: ActNorm.Tape?
}

extension ChainFlow {
    public var scaling: ActNorm? {
        get { nil }
        set { precondition(newValue == nil, "this flow has no scaling") }
    }

    public var dims: Int { standardize.dims }
    public var forwardOrder: ExecutionOrder {
        layers.contains { $0.forwardOrder == .sequential } ? .sequential : .parallel
    }
    public var inverseOrder: ExecutionOrder {
        layers.contains { $0.inverseOrder == .sequential } ? .sequential : .parallel
    }

    public mutating func initialize(from x: Matrix) throws {
        try standardize.initialize(from: x)
    }

    public func packed(_ precision: WeightPrecision) -> any PackedBijection {
        let scaling = scaling.map { [$0.packed(precision)] } ?? []
        return PackedChain([standardize.packed(precision)] + layers.map { $0.packed(precision) } + scaling)
    }

    public var partRows: Int { stages.reduce(1) { max($0, $1.partRows) } }

    public var convolvedActivations: Int { layers.reduce(0) { $0 + $1.convolvedActivations } }

    public var stages: [any Bijection] { [standardize] + layers + (scaling.map { [$0] } ?? []) }

    public func tapeBytes(rows: Int) -> Int { stages.reduce(0) { $0 + $1.tapeBytes(rows: rows) } }

    public var contextDims: Int { layers.first?.contextDims ?? 0 }

    public func forwardTaped(
        _ x: Matrix, context: Matrix?
    ) throws -> (z: Matrix, logDet: [Float], tape: ChainTape<Layer>) {
        var (z, logDet, first) = try standardize.forwardTaped(x)
        var tape = ChainTape<Layer>(standardize: first, layers: [])
        for layer in layers {
            let (next, more, own) = try layer.forwardTaped(z, context: context)
            z = next
            add(more, to: &logDet)
            tape.layers.append(own)
        }
        if let scaling {
            let (next, more, own) = try scaling.forwardTaped(z)
            z = next
            add(more, to: &logDet)
            tape.scaling = own
        }
        return (z, logDet, tape)
    }

    public func backward(_ cotangent: Cotangent, through tape: inout ChainTape<Layer>) -> Matrix {
        var cotangent = cotangent
        if let scaling { cotangent.dz = scaling.backward(cotangent, through: &tape.scaling!) }
        for i in layers.indices.reversed() {
            cotangent.dz = layers[i].backward(cotangent, through: &tape.layers[i])
        }
        return standardize.backward(cotangent, through: &tape.standardize)
    }

    public func visitGradients(of tapes: [ChainTape<Layer>], _ body: (ParameterGradient) -> Void) {
        func visit<Map: Bijection>(_ map: Map, _ path: String, _ tapes: [Map.Tape]) {
            map.visitGradients(of: tapes) { gradient in
                body(ParameterGradient(info: gradient.info.within(path), compute: gradient.compute))
            }
        }
        visit(standardize, "standardize", tapes.map(\.standardize))
        for i in layers.indices { visit(layers[i], "layers.\(i)", tapes.map { $0.layers[i] }) }
        if let scaling { visit(scaling, "scaling", tapes.map { $0.scaling! }) }
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try standardize.visitParameters { info, values in
            try body(info.within("standardize"), &values)
        }
        for i in layers.indices {
            try layers[i].visitParameters { info, values in
                try body(info.within("layers.\(i)"), &values)
            }
        }
        try scaling?.visitParameters { info, values in
            try body(info.within("scaling"), &values)
        }
    }

    public var holdsStructuralZeros: Bool { layers.allSatisfy(\.holdsStructuralZeros) }

    public mutating func restoreStructuralZeros() {
        for i in layers.indices {
            layers[i].restoreStructuralZeros()
        }
    }

    private func add(_ more: [Float], to logDet: inout [Float]) {
        for r in logDet.indices {
            logDet[r] += more[r]
        }
    }
}

/// Checks that a chain has at least one layer.
/// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` when it has none.
func checkLayerCount(_ layers: Int) throws {
    guard layers > 0 else {
        throw FlowError.outOfRange(argument: "layers", value: "\(layers)", allowed: "1 or more")
    }
}
