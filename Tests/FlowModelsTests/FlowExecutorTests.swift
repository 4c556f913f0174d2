import FlowCore
import FlowLayers
import FlowModels
import Synchronization
import Testing

/// A second executor, which shares no code with the packed weights: it computes with the passes of training, a few rows at a time.
private final class TapedExecutor<Flow: Reversible>: FlowExecutor {
    private let flow: Flow
    private let log: CallLog
    let tileRows = 5

    init(_ flow: Flow, _ log: CallLog) {
        self.flow = flow
        self.log = log
    }

    var dims: Int { flow.dims }
    var contextDims: Int { flow.contextDims }

    func forward(_ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float]) throws {
        try log.add(rows)
        let (values, logDets, _) = try flow.forwardTaped(
            matrix(x, rows, dims)!, context: matrix(context, rows, contextDims))
        z.replaceSubrange(..<values.elements.count, with: values.elements)
        logDet.replaceSubrange(..<rows, with: logDets)
    }

    func inverse(
        _ z: [Float], context: [Float], rows: Int, x: inout [Float], logDet: inout [Float], isCancelled: () -> Bool
    ) throws {
        if isCancelled() { throw FlowError.cancelled }
        try log.add(rows)
        let (values, logDets, _) = try flow.inverseTaped(
            matrix(z, rows, dims)!, context: matrix(context, rows, contextDims))
        x.replaceSubrange(..<values.elements.count, with: values.elements)
        logDet.replaceSubrange(..<rows, with: logDets)
    }

    private func matrix(_ values: [Float], _ rows: Int, _ columns: Int) -> Matrix? {
        columns == 0 ? nil : Matrix(rows: rows, columns: columns, elements: Array(values[..<(rows * columns)]))
    }
}

/// The CPU's executor, with an inverse that is not its own: everything is multiplied by a factor.
private struct SkewedExecutor: FlowExecutor {
    let engine: FlowEngine
    let factor: Float

    var dims: Int { engine.dims }
    var contextDims: Int { engine.contextDims }
    var tileRows: Int { engine.tileRows }
    var conditionalSolve: ConditionalSolve? { engine.conditionalSolve }

    func forward(_ x: [Float], context: [Float], rows: Int, z: inout [Float], logDet: inout [Float]) {
        engine.forward(x, context: context, rows: rows, z: &z, logDet: &logDet)
    }

    func inverse(
        _ z: [Float], context: [Float], rows: Int, x: inout [Float], logDet: inout [Float], isCancelled: () -> Bool
    ) throws {
        try engine.inverse(z, context: context, rows: rows, x: &x, logDet: &logDet, isCancelled: isCancelled)
        for i in 0..<rows * dims { x[i] *= factor }
    }
}

private struct DeviceIsGone: Error {}

/// Rows of every call, and the call that fails.
private final class CallLog: Sendable {
    private let calls = Mutex<(rows: [Int], failing: Int?)>(([], nil))

    var rows: [Int] { calls.withLock { $0.rows } }

    func fail(call: Int?) { calls.withLock { $0 = ([], call) } }

    func add(_ rows: Int) throws {
        try calls.withLock {
            if $0.rows.count == $0.failing { throw DeviceIsGone() }
            $0.rows.append(rows)
        }
    }
}

@Suite("Executors")
struct FlowExecutorTests {
    private let rows = (0..<23).map { i in
        DensityRow(pixels: (0..<6).map { UInt8(($0 * 40 + i * 11) % 256) }, draw: UInt32(i), classIndex: i % 2)
    }
    private let samples = (0..<23).map { SampleRow(seed: 7, index: UInt64($0), classIndex: $0 % 2) }

    /// The same model on the CPU, and with both of its flows on the other executor.
    private func models() throws -> (cpu: any ImageDensity, other: any ImageDensity, log: CallLog) {
        let cpu = try tinyModel(
            AffineCouplingFlow.self, classPrior: [0.25, 0.75], dequantizer: ["layers": 2, "hidden": [9]])
        let log = CallLog()
        func executor<Flow: Reversible>(_ flow: Flow) -> any FlowExecutor { TapedExecutor(flow, log) }
        let other = try DensityModel(flow: cpu.flow, dequantizer: cpu.dequantizer, record: cpu.record) { flow, _ in
            let flow = try #require(flow as? any Reversible)
            return executor(flow)
        }
        return (cpu, other, log)
    }

    @Test("a model computes with whichever it is given, tile by tile of its size")
    func second() throws {
        let (cpu, other, log) = try models()
        let expected = try cpu.logDensities(of: rows, isCancelled: { false })
        let values = try other.logDensities(of: rows, isCancelled: { false })
        for (a, b) in zip(values, expected) { #expect(abs(a - b) <= 1e-4 * max(1, abs(b))) }
        // noise and density of every tile
        #expect(log.rows == [5, 5, 5, 5, 5, 5, 5, 5, 3, 3])

        log.fail(call: nil)
        let drawn = try other.sample(samples, isCancelled: { false })
        for (a, b) in zip(drawn, try cpu.sample(samples, isCancelled: { false })) {
            #expect(abs(a.logDensity - b.logDensity) <= 1e-4 * max(1, abs(b.logDensity)))
            #expect(zip(a.pixels, b.pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
        }
        #expect(log.rows == [5, 5, 5, 5, 3])
    }

    @Test("an inverse that is another's fails its test, and one without numbers has none")
    func skewed() throws {
        let own = try tinyModel(MaskedAutoregressiveFlow.self)
        func test(_ factor: Float) throws -> InverseTest {
            try DensityModel(flow: own.flow, record: own.record) { flow, precision in
                SkewedExecutor(engine: FlowEngine(flow, precision: precision), factor: factor)
            }.testInverse(pixels: 64, isCancelled: { false })
        }
        #expect(try test(1).hasPassed)
        let skewed = try test(3)
        #expect(!skewed.hasPassed && skewed.error > InverseTest.tolerance)
        #expect(throws: FlowError.notFinite(argument: "sample", row: 0)) { try test(.nan) }
        func passes(_ error: Float) -> Bool { InverseTest(error: error, fraction: 1, time: .zero).hasPassed }
        #expect(passes(InverseTest.tolerance) && !passes(InverseTest.tolerance.nextUp) && !passes(.infinity))
    }

    @Test("its errors and cancellation reach the caller, and the next call has results")
    func errors() throws {
        let (_, other, log) = try models()
        let expected = try other.logDensities(of: rows, isCancelled: { false })
        for call in [0, 1, 4] {
            log.fail(call: call)
            #expect(throws: DeviceIsGone.self) { try other.logDensities(of: rows, isCancelled: { false }) }
            log.fail(call: call)
            #expect(throws: DeviceIsGone.self) { try other.sample(samples, isCancelled: { false }) }
        }
        log.fail(call: nil)
        #expect(throws: FlowError.cancelled) { try other.sample(samples, isCancelled: { true }) }
        #expect(log.rows.isEmpty)
        #expect(try other.logDensities(of: rows, isCancelled: { false }) == expected)
    }
}
