import FlowCore
import FlowKernels
import FlowLayers
import TestSupport
import Testing

@Suite("Packed maps")
struct PackedMapTests {
    private func matrix(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, stream: 0)
        return Matrix(rows: rows, columns: columns, elements: (0..<rows * columns).map { _ in random.normal() })
    }

    private func maps(contextDims: Int, residual: Bool) throws -> [any Bijection] {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        let shape = ConditionerShape(
            hidden: [40, 40, 40], activation: .gelu, isResidual: residual, contextDims: contextDims)
        let maps: [any Bijection] = try [
            BijectionLaws.perturbed(
                MaskedAutoregressive(
                    dims: 21, shape: shape, reversed: false, transform: .affine(logScaleBound: 5), random: &random),
                scale: 0.15, seed: 2),
            BijectionLaws.perturbed(
                MaskedAutoregressive(
                    dims: 21, shape: shape, reversed: true, transform: .affine(logScaleBound: 5), random: &random),
                scale: 0.15, seed: 3),
            BijectionLaws.perturbed(
                Coupling(
                    dims: 21, shape: shape, parity: 1, transform: .affine(logScaleBound: 5), random: &random),
                scale: 0.15, seed: 4),
            BijectionLaws.perturbed(
                Coupling(
                    dims: 21, shape: shape, parity: 1, transform: .spline(bins: 4, tailBound: 3), random: &random),
                scale: 0.15, seed: 5),
            BijectionLaws.perturbed(
                MaskedAutoregressive(
                    dims: 21, shape: shape, reversed: true, transform: .spline(bins: 8, tailBound: 3),
                    random: &random), scale: 0.15, seed: 6),
        ]
        return maps.flatMap { [$0, BijectionLaws.inverted($0)] }
    }

    private func isCoupling(_ map: any Bijection) -> Bool { map is Coupling || map is Inverted<Coupling> }

    @Test(
        "a context steers every dimension that a network moves, and the inverse takes it back",
        arguments: [false, true])
    func context(residual: Bool) throws {
        for map in try maps(contextDims: 3, residual: residual) {
            let engine = FlowEngine(map)
            let x = matrix(9, 21, seed: 5)
            let context = matrix(9, 3, seed: 6)
            let (z, logDet) = try engine.forward(x, context: context)
            let (back, inverseLogDet) = try engine.inverse(z, context: context)
            #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($0)) })
            #expect(zip(logDet, inverseLogDet).allSatisfy { abs($0 + $1) <= 1e-4 })
            let other = try engine.forward(x, context: matrix(9, 3, seed: 7)).z
            // of a coupling with parity 1 the even dimensions move
            for j in 0..<21 where !isCoupling(map) || j % 2 == 0 { #expect(other[0, j] != z[0, j]) }
            // the context of one row is no other row's
            var changed = context
            changed[4, 0] += 1
            let one = try engine.forward(x, context: changed).z
            for r in 0..<9 { #expect((0..<21).allSatisfy { one[r, $0] == z[r, $0] } == (r != 4)) }
            // rounded to bfloat16, beside a key of 10, 11 or 21
            let half = try FlowEngine(map, precision: .bf16).forward(x, context: context).z
            #expect(zip(z.elements, half.elements).allSatisfy { abs($0 - $1) <= 0.05 * max(1, abs($0)) })
            #expect(z != half)
            #expect(throws: FlowError.widthMismatch(argument: "context", expected: 3, actual: 0)) {
                try engine.forward(x)
            }
        }
    }

    /// Smooth activations, so that every difference is a derivative; float32 and a loss of size about 10.
    @Test("gradients with a context equal finite differences", arguments: [false, true])
    func gradients(residual: Bool) throws {
        for map in try maps(contextDims: 3, residual: residual) {
            let gaps = try BijectionLaws.gradientGaps(
                map, matrix(4, 21, seed: 9), context: matrix(4, 3, seed: 10), step: 1e-3, seed: 11)
            #expect(gaps.allSatisfy { $0 < 1e-2 }, "\(gaps)")
        }
    }

    @Test("training and inference see the same map", arguments: [false, true])
    func tapedForward(residual: Bool) throws {
        for map in try maps(contextDims: 3, residual: residual) {
            let (x, context) = (matrix(37, 21, seed: 12), matrix(37, 3, seed: 13))
            let taped = try map.forwardTaped(x, context: context)
            let (z, logDet) = try FlowEngine(map).forward(x, context: context)
            #expect(zip(taped.z.elements, z.elements).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
            #expect(zip(taped.logDet, logDet).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
        }
    }

    /// Weights that half precision holds exactly are kept in it: a row alone is computed straight from them, many rows from a
    /// widened copy, a solve from both.
    @Test("weights of half precision give the same bits in any batch, and both directions agree", arguments: [0, 3])
    func halfPrecision(contextDims: Int) throws {
        for var map in try maps(contextDims: contextDims, residual: true) {
            map.visitParameters { _, values in
                for i in values.indices { values[i] = Float(Float16(values[i])) }
            }
            let (x, context) = (matrix(37, 21, seed: 14), matrix(37, 3, seed: 15))
            let given = contextDims == 0 ? nil : context
            let engine = FlowEngine(map)
            let (z, logDet) = try engine.forward(x, context: given)
            let taped = try map.forwardTaped(x, context: given)
            #expect(zip(taped.z.elements, z.elements).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
            #expect(zip(taped.logDet, logDet).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })
            let back = try engine.inverse(z, context: given).x
            #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($0)) })
            for count in [1, 2, 5, 9] {
                func rows(_ whole: Matrix) -> Matrix {
                    Matrix(
                        rows: count, columns: whole.columns, elements: Array(whole.elements[..<(count * whole.columns)])
                    )
                }
                let few = contextDims == 0 ? nil : rows(context)
                #expect(try engine.forward(rows(x), context: few).z == rows(z))
                #expect(try engine.inverse(rows(z), context: few).x == rows(back))
            }
        }
    }

    @Test("with directions exchanged every map is asked the other way")
    func directions() throws {
        for map in try maps(contextDims: 0, residual: false) {
            let engine = FlowEngine(map)
            let exchanged = FlowEngine(BijectionLaws.inverted(map))
            let x = matrix(70, 21, seed: 8)
            #expect(try exchanged.forward(x).z == engine.inverse(x).x)
            #expect(try exchanged.inverse(x).x == engine.forward(x).z)
        }
    }
}
