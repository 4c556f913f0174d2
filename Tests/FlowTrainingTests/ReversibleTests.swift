import DataSets
import FlowCore
import FlowKernels
import FlowLayers
import FlowModels
import Synchronization
import TestSupport
import Testing

@testable import FlowTraining

/// The identity that counts the tapes that are alive.
private struct CountedStage: Bijection {
    final class Tapes: Sendable {
        let alive = Atomic(0)
        let most = Atomic(0)
    }
    final class Tape: Sendable {
        let tapes: Tapes
        init(_ tapes: Tapes) {
            self.tapes = tapes
            let alive = tapes.alive.wrappingAdd(1, ordering: .relaxed).newValue
            tapes.most.max(alive, ordering: .relaxed)
        }
        deinit { tapes.alive.wrappingSubtract(1, ordering: .relaxed) }
    }

    let tapes: Tapes
    let dims = 2
    var parameter: [Float] = [0]
    var forwardOrder: ExecutionOrder { .parallel }
    var inverseOrder: ExecutionOrder { .parallel }

    init(_ tapes: Tapes) { self.tapes = tapes }

    func packed(_ precision: WeightPrecision) -> any PackedBijection { PackedIdentity(dims: dims) }
    func forwardTaped(_ x: Matrix, context: Matrix?) throws -> (z: Matrix, logDet: [Float], tape: Tape) {
        (x, Array(repeating: 0, count: x.rows), Tape(tapes))
    }
    func tapeBytes(rows: Int) -> Int { 0 }
    func backward(_ cotangent: Cotangent, through tape: inout Tape) -> Matrix { cotangent.dz }
    func visitGradients(of tapes: [Tape], _ body: (ParameterGradient) -> Void) {
        body(ParameterGradient(info: ParameterInfo(name: "parameter", shape: [1])) { _, gradient in gradient[0] = 1 })
    }
    mutating func visitParameters(_ body: (ParameterInfo, inout [Float]) throws -> Void) rethrows {
        try body(ParameterInfo(name: "parameter", shape: [1]), &parameter)
    }
}

/// Some of them, one after another.
private struct CountedChain: ChainFlow {
    static let architectureName = "counted"
    static let fields: [any SizeDescription] = []
    var standardize = ActNorm(dims: 2)
    var layers: [CountedStage]

    init(_ tapes: CountedStage.Tapes, count: Int) { layers = (0..<count).map { _ in CountedStage(tapes) } }
    init(shape: EventShape, sizes: Sizes, seed: UInt64?) throws { layers = [] }
    static func parameterCount(shape: EventShape, sizes: Sizes) -> Int? { nil }
}

@Suite("Reversible training")
struct ReversibleTests {
    private func infos(_ flow: some Bijection) -> [ParameterInfo] {
        var infos: [ParameterInfo] = []
        var copy = flow
        copy.visitParameters { info, _ in infos.append(info) }
        return infos
    }

    private func rows(_ count: Int, dims: Int) -> PreparedRows {
        var random = RandomStream(seed: 1, stream: 0)
        return PreparedRows(
            x: Matrix(rows: count, columns: dims, elements: (0..<count * dims).map { _ in random.normal() }),
            logDet: Array(repeating: 0, count: count), context: nil)
    }

    private func gradient<Flow: Bijection>(of flow: Flow, reversible: Bool, threads: Int) throws -> [Float] {
        var gradient = BatchGradient(infos: infos(flow))
        let all = rows(48, dims: flow.dims)
        func load(_ part: Range<Int>) -> PreparedRows {
            PreparedRows(
                x: Matrix(
                    rows: part.count, columns: flow.dims,
                    elements: Array(all.x.elements[part.lowerBound * flow.dims..<part.upperBound * flow.dims])),
                logDet: Array(all.logDet[part]), context: nil)
        }
        let batch = BatchDivision(
            rows: 48, chainRows: 24, partRows: flow.partRows, atATime: 0, threads: threads)
        let logProbs =
            reversible
            ? try gradient.computeReversing(of: Fitted(flow: flow), batch, threads: threads, load: load)
            : try gradient.compute(of: flow, batch, threads: threads) { part, weight in
                let rows = load(part)
                var (z, logDet, tape) = try flow.forwardTaped(rows.x, context: nil)
                _ = flow.backward(Cotangent(ofLogProb: z, weight: weight), through: &tape)
                return (rows.logProbs(z: z, logDet: logDet), tape)
            }
        #expect(logProbs.count == 48 && logProbs.allSatisfy(\.isFinite))
        return gradient.values
    }

    /// Inputs are computed again in single precision, through a few maps.
    @Test("gradients are those that tapes give, and threads do not change a bit")
    func gradients() throws {
        func check<Flow: FlowArchitecture>(_: Flow.Type, _ hidden: [Int]) throws {
            let flow = BijectionLaws.perturbed(
                try Flow(
                    shape: EventShape(height: 4, width: 4, channels: 1),
                    sizes: ["layers": 2, "hidden": .integers(hidden), "log_scale_bound": 3, "activation": "gelu"],
                    seed: 1), scale: 0.1, seed: 2)
            let taped = try gradient(of: flow, reversible: false, threads: 1)
            let reversed = try gradient(of: flow, reversible: true, threads: 1)
            let size = taped.map(abs).max()!  // a flow has parameters
            #expect(zip(taped, reversed).allSatisfy { abs($0 - $1) <= 1e-4 * size })
            #expect(try gradient(of: flow, reversible: true, threads: 3) == reversed)
        }
        try check(AffineCouplingFlow.self, [12])
        try check(NICEFlow.self, [12])
        try check(GlowFlow.self, [16])
        try check(RealNVPFlow.self, [16])
    }

    @Test("the tapes of one stage are alive at a time, however many stages there are", arguments: [1, 7])
    func memory(stages: Int) throws {
        for (reversible, most) in [(true, 1), (false, stages)] {
            let tapes = CountedStage.Tapes()
            _ = try gradient(of: CountedChain(tapes, count: stages), reversible: reversible, threads: 1)
            #expect(tapes.most.load(ordering: .relaxed) == most)
            #expect(tapes.alive.load(ordering: .relaxed) == 0)
        }
    }

    @Test("a flow with a sequential direction is refused")
    func sequential() {
        var options = TrainingOptions()
        options.reversible = true
        let set = PairImages.set(count: 20, seed: 1)
        #expect(throws: TrainingError.notReversible(architecture: "maf")) {
            _ = try Trainer<MaskedAutoregressiveFlow>(
                sizes: ["layers": 1, "hidden": [4], "log_scale_bound": 3], train: set,
                validation: set, preprocessing: Preprocessing(levels: 256, logitAlpha: 1e-3), options: options,
                threads: 1)
        }
    }
}
