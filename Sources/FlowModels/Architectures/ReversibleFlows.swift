public import FlowCore
public import FlowLayers

/// Both directions of a chain are trained where those of its maps are.
extension ChainFlow where Layer: Reversible {
    public func inverseTaped(
        _ z: Matrix, context: Matrix?
    ) throws -> (x: Matrix, logDet: [Float], tape: ChainTape<Layer>) {
        var x = z
        var logDet = [Float](repeating: 0, count: z.rows)
        func add(_ more: [Float]) {
            for r in logDet.indices { logDet[r] += more[r] }
        }
        var tapes: [Layer.Tape] = []
        for layer in layers.reversed() {
            let (next, more, own) = try layer.inverseTaped(x, context: context)
            x = next
            add(more)
            tapes.append(own)
        }
        let (data, more, first) = try standardize.inverseTaped(x, context: nil)
        add(more)
        return (data, logDet, ChainTape(standardize: first, layers: tapes.reversed()))
    }

    public func solveBackward(_ dx: Matrix, dLogDet: [Float], through tape: inout ChainTape<Layer>) -> Matrix {
        var w = standardize.solveBackward(dx, dLogDet: dLogDet, through: &tape.standardize)
        for i in layers.indices {
            w = layers[i].solveBackward(w, dLogDet: dLogDet, through: &tape.layers[i])
        }
        return w
    }
}

/// An architecture whose sampling direction can be trained too: distilled from another model, or fitted to a formula.
public protocol ReversibleArchitecture: FlowArchitecture, Reversible {}

extension MaskedAutoregressiveFlow: ReversibleArchitecture {}
extension InverseAutoregressiveFlow: ReversibleArchitecture {}
extension AffineCouplingFlow: ReversibleArchitecture {}
extension SplineCouplingFlow: ReversibleArchitecture {}
extension SplineAutoregressiveFlow: ReversibleArchitecture {}
