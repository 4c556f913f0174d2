import FlowCore
import FlowModels
import TestSupport
import Testing

@Suite("Bytes of a tape")
struct TapeBytesTests {
    /// Bytes of all arrays of numbers inside a value, each once however many hold on to it.
    private func bytes(in value: Any, _ seen: inout Set<Int>) -> Int {
        if let numbers = value as? [Float] {
            let address = unsafe numbers.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) }
            return seen.insert(address).inserted ? 4 * numbers.count : 0
        }
        return Mirror(reflecting: value).children.reduce(0) { $0 + bytes(in: $1.value, &seen) }
    }

    /// What is promised is the larger of the two moments for every part, so that the sum may exceed both a little.
    @Test("are those that its arrays hold, before or after the backward pass", arguments: [1, 32])
    func truth(rows: Int) throws {
        func check<Flow: FlowArchitecture>(_ type: Flow.Type) throws {
            for prior in [nil, [0.5, 0.5]] as [[Double]?] {
                let flow = try #require(tinyModel(type, classPrior: prior).flow as? Flow)
                let x = Matrix(rows: rows, columns: flow.dims)
                let context = prior.map { _ in Matrix(rows: rows, columns: 2) }
                var (z, logDet, tape) = try flow.forwardTaped(x, context: context)
                var seen: Set<Int> = []
                let before = bytes(in: tape, &seen)
                _ = flow.backward(Cotangent(dz: z, dLogDet: logDet), through: &tape)
                seen = []
                let after = bytes(in: tape, &seen)
                let promised = flow.tapeBytes(rows: rows)
                #expect(promised >= max(before, after), "\(Flow.architectureName) \(before) \(after)")
                #expect(
                    Double(promised) <= 1.2 * Double(max(before, after)), "\(Flow.architectureName) \(before) \(after)")
            }
        }
        for type in FlowRegistry.architectures { try check(type) }
    }
}
