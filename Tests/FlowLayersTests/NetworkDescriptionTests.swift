import FlowCore
import FlowKernels
import TestSupport
import Testing

@testable import FlowLayers

/// Wirings that no architecture has, which every pass has to compute because the description says so.
@Suite("Networks described once")
struct NetworkDescriptionTests {
    struct Wiring: CustomTestStringConvertible {
        var testDescription: String
        /// Of the layers behind the first: the value that each adds, and whether it reads an activation.
        var skips: [Int?]
        var isActivated: [Bool]

        static let all = [
            Wiring(
                testDescription: "a skip over three layers", skips: [nil, nil, 1, nil],
                isActivated: [true, true, true, true]),
            Wiring(
                testDescription: "a value added twice", skips: [nil, 1, 1, nil], isActivated: [true, true, true, true]),
            Wiring(
                testDescription: "skips within a skip", skips: [1, 2, 1, nil], isActivated: [true, true, true, true]),
            Wiring(
                testDescription: "a layer that reads and adds one value as it is", skips: [nil, 2, nil, nil],
                isActivated: [true, false, true, true]),
            Wiring(
                testDescription: "linear layers, with a skip around them", skips: [nil, nil, 1, nil],
                isActivated: [false, false, true, false]),
            Wiring(
                testDescription: "no skip, no activation", skips: [nil, nil, nil, nil],
                isActivated: [false, false, false, false]),
        ]

        /// Puts the wiring in the place of a plain network's of four hidden layers, or of two residual blocks of convolutions.
        func apply(to description: inout NetworkDescription) {
            for (k, (skip, isActivated)) in zip(skips, isActivated).enumerated() {
                description.layers[k + 1].skip = skip
                description.layers[k + 1].isActivated = isActivated
            }
        }
    }

    private func normals(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, stream: 0)
        return Matrix(rows: rows, columns: columns, elements: (0..<rows * columns).map { _ in random.normal() })
    }

    private func masked(_ wiring: Wiring, contextDims: Int = 0) throws -> MaskedAutoregressive {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        var map = try MaskedAutoregressive(
            dims: 10,
            shape: ConditionerShape(hidden: [40, 40, 40, 40], activation: .gelu, contextDims: contextDims),
            reversed: false, transform: .affine(logScaleBound: 3), random: &random)
        map = BijectionLaws.perturbed(map, scale: 0.1, seed: 2)
        wiring.apply(to: &map.conditioner.description)
        return map
    }

    /// The outputs of a network for one row, by the formula of its description, in double precision.
    private func outputs(_ network: Conditioner, _ input: [Double]) -> [Double] {
        var values = [input]
        for (layer, wiring) in zip(network.layers, network.description.layers) {
            let x =
                wiring.isActivated
                ? values.last!.map { Reference.activation(network.description.activation, $0) } : values.last!
            values.append(
                (0..<layer.outputs).map { unit in
                    let sum = x.indices.reduce(Double(layer.biases[unit])) {
                        $0 + Double(layer.weights[unit * layer.inputs + $1]) * x[$1]
                    }
                    return sum + (wiring.skip.map { values[$0][unit] } ?? 0)
                })
        }
        return values.last!
    }

    @Test(
        "dense passes, in training and out of it, in both precisions, compute what it says", arguments: Wiring.all,
        [0, 3])
    func dense(_ wiring: Wiring, contextDims: Int) throws {
        let map = try masked(wiring, contextDims: contextDims)
        let x = normals(19, 10, seed: 3)
        let context = contextDims > 0 ? normals(19, contextDims, seed: 4) : nil
        let engine = FlowEngine(map)
        let z = try engine.forward(x, context: context).z
        let taped = try map.forwardTaped(x, context: context).z
        let half = try FlowEngine(map, precision: .bf16).forward(x, context: context).z
        for r in 0..<x.rows {
            let row = (0..<10).map { Double(x[r, $0]) }
            let given = (0..<contextDims).map { Double(context![r, $0]) }
            let parameters = outputs(map.conditioner, given + row)
            for j in 0..<10 {
                let expected = Float(
                    Reference.transform(
                        map.transform, inverse: false, row[j], parameters: Array(parameters[2 * j..<2 * j + 2])
                    ).0)
                let scale = max(1, abs(expected))
                #expect(abs(z[r, j] - expected) <= 1e-5 * scale && abs(taped[r, j] - expected) <= 1e-5 * scale)
                // factors are rounded by 2⁻⁹ at most
                #expect(abs(half[r, j] - expected) <= 0.05 * scale)
            }
        }
        #expect(half != z)
    }

    @Test("so do the sequential ones", arguments: Wiring.all, [0, 3])
    func sequential(_ wiring: Wiring, contextDims: Int) throws {
        let map = try masked(wiring, contextDims: contextDims)
        let z = normals(19, 10, seed: 5)
        let context = contextDims > 0 ? normals(19, contextDims, seed: 6) : nil
        let naive = try map.referenceInverse(z, context: context)
        let solved = try FlowEngine(map).inverse(z, context: context)
        let trained = try map.inverseTaped(z, context: context)
        for (x, logDet) in [(solved.x, solved.logDet), (trained.x, trained.logDet)] {
            #expect(zip(x.elements, naive.x.elements).allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($1)) })
            #expect(zip(logDet, naive.logDet).allSatisfy { abs($0 - $1) <= 1e-4 })
        }
        let half = FlowEngine(map, precision: .bf16)
        let back = try half.forward(half.inverse(z, context: context).x, context: context).z
        #expect(zip(back.elements, z.elements).allSatisfy { abs($0 - $1) <= 1e-2 * max(1, abs($1)) })
    }

    @Test("and gradients, of both directions", arguments: Wiring.all)
    func gradients(_ wiring: Wiring) throws {
        let map = try masked(wiring)
        let x = normals(4, 10, seed: 7)
        // GELU has no kinks; differences of single precision
        let gaps = try BijectionLaws.gradientGaps(map, x, step: 1e-3, seed: 8)
        let inverted = try BijectionLaws.gradientGaps(Inverted(map), x, step: 1e-3, seed: 9)
        #expect(gaps.allSatisfy { $0 < 1e-2 } && inverted.allSatisfy { $0 < 1e-2 }, "\(gaps) \(inverted)")
    }

    @Test(
        "convolutional passes compute what it says, the sequential ones too", arguments: Wiring.all,
        [ImageMask.channels(keyIsFirst: true), .causal(reversed: false)])
    func convolutional(_ wiring: Wiring, mask: ImageMask) throws {
        var random: RandomStream? = RandomStream(seed: 1, stream: 0)
        let layout = ImageLayout(height: 3, width: 4, channels: 2)
        var map = try ImageMap(
            dims: layout.dims, layout: layout, mask: mask,
            shape: ConvolutionalShape(
                channels: 16, blocks: 2, kernel: 3, isGated: false, activation: .gelu, contextDims: 3),
            transform: .affine(logScaleBound: 3), random: &random)
        map = BijectionLaws.perturbed(map, scale: 0.1, seed: 2)
        let usual = map
        wiring.apply(to: &map.network.description)
        let (x, context) = (normals(21, layout.dims, seed: 3), normals(21, 3, seed: 4))
        let engine = FlowEngine(map)
        let (z, logDet) = try engine.forward(x, context: context)
        let taped = try map.forwardTaped(x, context: context)
        #expect(z == taped.z && logDet == taped.logDet)
        #expect(try z != FlowEngine(usual).forward(x, context: context).z)
        let back = try engine.inverse(z, context: context).x
        #expect(zip(x.elements, back.elements).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($0)) })
        let rows = 4
        let gaps = try BijectionLaws.gradientGaps(
            map, normals(rows, layout.dims, seed: 5), context: normals(rows, 3, seed: 6), step: 1e-3, seed: 7)
        #expect(gaps.allSatisfy { $0 < 1e-2 }, "\(gaps)")
    }

    @Test(
        "what is kept of a network: nothing in a plain one, one stream in a residual one, more where a wiring needs it")
    func plans() {
        func plan(_ hidden: Int, residual: Bool) -> NetworkPlan {
            NetworkPlan(
                NetworkDescription(
                    ConditionerShape(hidden: Array(repeating: 8, count: hidden), isResidual: residual)))
        }
        let plain = plan(3, residual: false)
        #expect(plain.sums == 0 && plain.steps.allSatisfy { $0 == NetworkPlan.Step(isActivated: true) })
        let residual = plan(5, residual: true)
        #expect(residual.sums == 1)
        #expect(residual.steps.map(\.sum) == [0, nil, 0, nil, 0])
        #expect(residual.steps.map(\.skip) == [nil, nil, 0, nil, 0])
        #expect(residual.steps.map(\.isActivated) == [true, true, true, true, false])
        let convolutional = NetworkPlan(
            NetworkDescription(
                ConvolutionalShape(channels: 16, blocks: 2, kernel: 3, isGated: true, activation: .relu)))
        #expect(convolutional.sums == 1 && convolutional.steps.map(\.sum) == [0, nil, 0, nil, 0])
        func sums(_ wiring: Wiring) -> [Int?] {
            var description = NetworkDescription(ConditionerShape(hidden: [8, 8, 8, 8]))
            wiring.apply(to: &description)
            return NetworkPlan(description).steps.map(\.sum)
        }
        // kept at its place, added in place
        #expect(sums(Wiring.all[0]) == [0, nil, nil, 0])
        // beside the value that is needed once more, then in place
        #expect(sums(Wiring.all[1]) == [0, nil, 1, 0])
        #expect(sums(Wiring.all[2]) == [0, 1, 1, 0])
    }
}
