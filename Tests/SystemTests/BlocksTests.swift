import System
import Testing

@Suite("Ranges cut into parts")
struct BlocksTests {
    @Test("a count is divided into parts that differ by one at most and leave nothing out")
    func division() {
        #expect(10.divided(into: 4) == [0..<3, 3..<6, 6..<8, 8..<10])
        #expect(2.divided(into: 3) == [0..<1, 1..<2, 2..<2])
    }

    @Test("blocks have one length, but for the last, and leave nothing out")
    func blocks() {
        #expect(Array(10.blocks(of: 4)) == [0..<4, 4..<8, 8..<10])
        #expect(Array((3..<9).blocks(of: 3)) == [3..<6, 6..<9])
        #expect(Array(3.blocks(of: 100)) == [0..<3])
        #expect(0.blocks(of: 4).isEmpty)
        #expect((5..<6).blocks(of: 1)[0] == 5..<6)
    }
}
