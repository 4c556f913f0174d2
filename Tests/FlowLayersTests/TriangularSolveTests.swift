import FlowCore
import FlowKernels
import TestSupport
import Testing

@testable import FlowLayers

@Suite("Triangular solve, in training")
struct TriangularSolveTests {
    struct Case: CustomTestStringConvertible {
        var dims: Int
        var hidden: [Int]
        var isResidual = false
        var contextDims = 0
        var transform = UnivariateTransform.affine(logScaleBound: 4)
        var testDescription: String {
            "\(dims) dims, \(hidden)\(isResidual ? ", residual" : ""), context \(contextDims), \(transform)"
        }

        func map(reversed: Bool, _ activation: Activation = .gelu) throws -> MaskedAutoregressive {
            var random: RandomStream? = RandomStream(seed: 1, stream: 0)
            let shape = ConditionerShape(
                hidden: hidden, activation: activation, isResidual: isResidual, contextDims: contextDims)
            let map = try MaskedAutoregressive(
                dims: dims, shape: shape, reversed: reversed, transform: transform, random: &random)
            return BijectionLaws.perturbed(map, scale: 0.15, seed: 2)
        }

        func matrix(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
            var random = RandomStream(seed: seed, stream: 0)
            return Matrix(rows: rows, columns: columns, elements: (0..<rows * columns).map { _ in random.normal() })
        }

        static let all = [
            Case(dims: 1, hidden: [4]), Case(dims: 1, hidden: [4], contextDims: 2), Case(dims: 2, hidden: [1]),
            Case(dims: 7, hidden: [3, 5]), Case(dims: 30, hidden: [64, 48, 10]), Case(dims: 65, hidden: [200]),
            Case(dims: 12, hidden: [20, 20, 20], isResidual: true, contextDims: 3),
            Case(dims: 9, hidden: [5, 30], contextDims: 4),
            Case(dims: 20, hidden: [33, 17], transform: .spline(bins: 6, tailBound: 3)),
        ]
    }

    @Test("every weight within reach is used exactly once, and few others", arguments: Case.all)
    func weightsOnce(_ size: Case) throws {
        let conditioner = try size.map(reversed: false).conditioner
        let plan = TriangularPlan(
            conditioner, positions: size.dims, parameters: size.transform.parameterCount)
        var uses = conditioner.layers.map { [Int](repeating: 0, count: $0.outputs * $0.inputs) }
        var levels: [Int] = []
        func use(_ map: Int, _ units: Range<Int>, _ inputs: Range<Int>) {
            for u in units { for k in inputs { uses[map][u * conditioner.layers[map].inputs + k] += 1 } }
        }
        for step in plan.steps {
            switch step {
            case .block(let map, let units, let inputs): use(map, units, inputs)
            case .level(let level):
                levels.append(level)
                for map in 0..<conditioner.layers.count - 1 {
                    use(map, plan.units(map + 1, level: level), plan.units(map, level: level))
                }
            }
        }
        #expect(levels == Array(0...size.dims))
        var beyond = 0
        for (layer, uses) in zip(conditioner.layers, uses) {
            for u in 0..<layer.outputs {
                #expect((0..<layer.reach[u]).allSatisfy { uses[u * layer.inputs + $0] == 1 })
                beyond += (layer.reach[u]..<layer.inputs).count { uses[u * layer.inputs + $0] != 0 }
            }
        }
        // zeros within one level, where units of several degrees share it
        let within = conditioner.layers.reduce(0) { $0 + $1.reach.reduce(0, +) }
        #expect(size.hidden.contains { $0 < size.dims } || size.dims == 1 || beyond == 0)
        #expect(beyond <= max(40, within / 2))
    }

    @Test("the inverse in training equals the naive one of D passes", arguments: Case.all, [false, true])
    func inverse(_ size: Case, reversed: Bool) throws {
        let map = try size.map(reversed: reversed)
        let z = size.matrix(5, size.dims, seed: 3)
        let context = size.contextDims > 0 ? size.matrix(5, size.contextDims, seed: 4) : nil
        let (x, logDet, tape) = try map.inverseTaped(z, context: context)
        let naive = try map.referenceInverse(z, context: context)
        // the two add in different orders, and errors grow along the chain of dimensions
        for (a, b) in zip(x.elements, naive.x.elements) { #expect(abs(a - b) <= 1e-4 * max(1, abs(b))) }
        for (a, b) in zip(logDet, naive.logDet) { #expect(abs(a - b) <= 1e-4 * Float(size.dims)) }
        // the tape is that of the forward pass there
        let forward = try map.forwardTaped(x, context: context)
        for (a, b) in zip(tape.parameters.matrix().elements, forward.tape.parameters.matrix().elements) {
            #expect(abs(a - b) <= 1e-5 * max(1, abs(b)))
        }
        for (a, b) in zip(forward.logDet, logDet) { #expect(abs(a + b) <= 1e-5 * Float(size.dims)) }
    }

    @Test("the solved backward pass undoes the backward pass, and leaves the same tape", arguments: Case.all)
    func transposed(_ size: Case) throws {
        let map = try size.map(reversed: true)
        let x = size.matrix(21, size.dims, seed: 5)
        let context = size.contextDims > 0 ? size.matrix(21, size.contextDims, seed: 6) : nil
        let dz = size.matrix(21, size.dims, seed: 7)
        let dLogDet = size.matrix(21, 1, seed: 8).elements
        var given = try map.forwardTaped(x, context: context).tape
        var solved = given
        let dx = map.backward(Cotangent(dz: dz, dLogDet: dLogDet), through: &given)
        let w = map.solveBackward(dx, dLogDet: dLogDet, through: &solved)
        for (a, b) in zip(w.elements, dz.elements) { #expect(abs(a - b) <= 1e-3 * max(1, abs(b))) }
        for (a, b) in zip(map.gradients(of: [solved]), map.gradients(of: [given])) {
            let scale = b.reduce(1) { max($0, abs($1)) }
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-3 * scale })
        }
    }
}
