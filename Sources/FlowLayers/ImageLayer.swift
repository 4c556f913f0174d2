public import FlowCore

/// One map of a flow of images.
public enum ImageLayer: Bijection {
    case rearrangement(Rearrangement)
    case mixing(ChannelMixing)
    case map(ImageMap)

    /// What each kind remembers.
    public enum Tape: Sendable {
        case rearrangement(Rearrangement.Tape)
        case mixing(ChannelMixing.Tape)
        case map(ImageMap.Tape)
    }

    private var map: any Bijection {
        switch self {
        case .rearrangement(let map): map
        case .mixing(let map): map
        case .map(let map): map
        }
    }

    public var dims: Int { map.dims }
    public var contextDims: Int { map.contextDims }
    public var forwardOrder: ExecutionOrder { map.forwardOrder }
    public var inverseOrder: ExecutionOrder { map.inverseOrder }
    public func packed(_ precision: WeightPrecision) -> any PackedBijection { map.packed(precision) }
    public var holdsStructuralZeros: Bool { map.holdsStructuralZeros }

    public func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        switch self {
        case .rearrangement(let map):
            let (z, logDet, tape) = try map.forwardTaped(x, context: nil)
            return (z, logDet, .rearrangement(tape))
        case .mixing(let map):
            let (z, logDet, tape) = try map.forwardTaped(x, context: nil)
            return (z, logDet, .mixing(tape))
        case .map(let map):
            let (z, logDet, tape) = try map.forwardTaped(x, context: context)
            return (z, logDet, .map(tape))
        }
    }

    public func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix {
        switch (self, tape) {
        case (.rearrangement(let map), .rearrangement(var own)):
            return map.backward(cotangent, through: &own)
        case (.mixing(let map), .mixing(var own)):
            let dx = map.backward(cotangent, through: &own)
            tape = .mixing(own)
            return dx
        case (.map(let map), .map(var own)):
            // nothing else may hold on to the arrays, or each would be copied before it is written
            tape = .rearrangement(Rearrangement.Tape())
            let dx = map.backward(cotangent, through: &own)
            tape = .map(own)
            return dx
        default: preconditionFailure("the tape of another kind of map")
        }
    }

    public func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        switch self {
        case .rearrangement: return
        case .mixing(let map):
            map.visitGradients(of: tapes.compactMap { if case .mixing(let own) = $0 { own } else { nil } }, body)
        case .map(let map):
            map.visitGradients(of: tapes.compactMap { if case .map(let own) = $0 { own } else { nil } }, body)
        }
    }

    public mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        switch self {
        case .rearrangement: return
        case .mixing(var map):
            self = .rearrangement(Rearrangement(order: []))
            defer { self = .mixing(map) }
            try map.visitParameters(body)
        case .map(var map):
            self = .rearrangement(Rearrangement(order: []))
            defer { self = .map(map) }
            try map.visitParameters(body)
        }
    }

    public mutating func restoreStructuralZeros() {
        guard case .mixing(var map) = self else { return }
        map.restoreStructuralZeros()
        self = .mixing(map)
    }
}
