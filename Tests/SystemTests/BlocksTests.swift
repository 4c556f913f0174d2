import FlowCore
import Testing

@Suite("Division into ranges")
struct DivisionTests {
    @Test("a count is divided into parts that differ by one at most and leave nothing out")
    func division() {
        #expect(10.divided(into: 4) == [0..<3, 3..<6, 6..<8, 8..<10])
        #expect(2.divided(into: 3) == [0..<1, 1..<2, 2..<2])
    }
}
