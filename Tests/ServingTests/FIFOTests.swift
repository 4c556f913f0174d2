import FlowCore
import Serving
import Testing

@Suite("FIFO")
struct FIFOTests {
    @Test("elements leave in the order in which they came", arguments: 0..<20)
    func order(seed: UInt64) {
        var random = RandomStream(seed: seed, stream: 0)
        var queue = FIFO<Int>()
        var (came, left) = (0, 0)
        for step in 0..<2000 {
            // More come at first, and more go in the end.
            if Int.random(in: 0..<2000, using: &random) > step {
                queue.append(came)
                came += 1
            } else {
                #expect(queue.popFirst() == (left < came ? left : nil))
                left = min(left + 1, came)
            }
            #expect(queue.isEmpty == (left == came))
        }
        while let element = queue.popFirst() {
            #expect(element == left)
            left += 1
        }
        #expect(left == came && queue.isEmpty)
    }
}
