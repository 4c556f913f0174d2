public import FlowCore

/// One map of a flow of images.
public enum ImageLayer: Bijection {
    /// A squeeze, a checkerboard, or channels that leave the flow.
    case permutation(Permutation)
    /// An invertible 1×1 convolution.
    case invertibleConvolution(InvertibleConvolution)
    /// A coupling of channels, or a causal map.
    case map(ImageMap)

    /// Tape of one map, whatever its kind.
    public enum Tape: Sendable {
        /// Tape of a permutation.
        case permutation(Permutation.Tape)
        /// Tape of an invertible 1×1 convolution.
        case invertibleConvolution(InvertibleConvolution.Tape)
        /// Tape of a coupling of channels, or of a causal map.
        case map(ImageMap.Tape)
    }

    private var map: any Bijection {
        switch self {
        case .permutation(let map): map
        case .invertibleConvolution(let map): map
        case .map(let map): map
        }
    }

    public var dims: Int { map.dims }
    public var contextDims: Int { map.contextDims }
    public var forwardOrder: ExecutionOrder { map.forwardOrder }
    public var inverseOrder: ExecutionOrder { map.inverseOrder }
    public var partRows: Int { map.partRows }
    public var convolvedActivations: Int { map.convolvedActivations }
    public func packed(_ precision: WeightPrecision) -> any PackedBijection { map.packed(precision) }
    public var holdsStructuralZeros: Bool { map.holdsStructuralZeros }

    public func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        switch self {
        case .permutation(let map):
            let (z, logDet, tape) = try map.forwardTaped(x, context: nil)
            return (z, logDet, .permutation(tape))
        case .invertibleConvolution(let map):
            let (z, logDet, tape) = try map.forwardTaped(x, context: nil)
            return (z, logDet, .invertibleConvolution(tape))
        case .map(let map):
            let (z, logDet, tape) = try map.forwardTaped(x, context: context)
            return (z, logDet, .map(tape))
        }
    }

    public func tapeBytes(rows: Int) -> Int { map.tapeBytes(rows: rows) }

    public func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix {
        // taken out of `tape`: what two hold on to would be copied before it is written
        let taken = tape
        tape = .permutation(Permutation.Tape())
        switch self {
        case .permutation(let map):
            guard case .permutation(var own) = taken else { preconditionFailure("the tape of another kind of map") }
            return map.backward(cotangent, through: &own)
        case .invertibleConvolution(let map):
            guard case .invertibleConvolution(var own) = consume taken else {
                preconditionFailure("the tape of another kind of map")
            }
            let dx = map.backward(cotangent, through: &own)
            tape = .invertibleConvolution(own)
            return dx
        case .map(let map):
            guard case .map(var own) = consume taken else { preconditionFailure("the tape of another kind of map") }
            let dx = map.backward(cotangent, through: &own)
            tape = .map(own)
            return dx
        }
    }

    public func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        switch self {
        case .permutation: return
        case .invertibleConvolution(let map):
            map.visitGradients(
                of: tapes.compactMap { if case .invertibleConvolution(let own) = $0 { own } else { nil } }, body)
        case .map(let map):
            map.visitGradients(of: tapes.compactMap { if case .map(let own) = $0 { own } else { nil } }, body)
        }
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        switch self {
        case .permutation: return
        case .invertibleConvolution(var map):
            self = .permutation(Permutation(order: []))
            defer { self = .invertibleConvolution(map) }
            try map.visitParameters(body)
        case .map(var map):
            self = .permutation(Permutation(order: []))
            defer { self = .map(map) }
            try map.visitParameters(body)
        }
    }

    public mutating func restoreStructuralZeros() {
        guard case .invertibleConvolution(var map) = self else { return }
        map.restoreStructuralZeros()
        self = .invertibleConvolution(map)
    }
}
