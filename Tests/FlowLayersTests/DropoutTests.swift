import FlowLayers
import Testing

@Suite("Dropout")
struct DropoutTests {
    private static let count = 20_000

    private func factors(fraction: Float, key: UInt64 = 1, block: Int = 0) -> [Float] {
        var dropout = Dropout(fraction: fraction, count: Self.count)
        var x = [Float](repeating: 1, count: Self.count + 2)
        dropout.draw(key: key, block: block)
        dropout.apply(to: &x, 1)
        #expect(x.first == 1 && x.last == 1)
        return Array(x[1...Self.count])
    }

    @Test("leaves out its fraction and scales the rest", arguments: [Float(0.1), 0.5, 0.9])
    func fraction(_ fraction: Float) {
        let factors = factors(fraction: fraction)
        let none = factors.filter { $0 == 0 }.count
        // six standard deviations
        let deviation = (Float(Self.count) * fraction * (1 - fraction)).squareRoot()
        #expect(abs(Float(none) - fraction * Float(Self.count)) < 6 * deviation)
        #expect(factors.allSatisfy { $0 == 0 || $0 == 1 / (1 - fraction) })
    }

    @Test("is drawn by key and block, and at a fraction of 0 not at all")
    func drawing() {
        #expect(factors(fraction: 0.5) == factors(fraction: 0.5))
        #expect(factors(fraction: 0.5) != factors(fraction: 0.5, key: 2))
        #expect(factors(fraction: 0.5) != factors(fraction: 0.5, block: 1))
        #expect(factors(fraction: 0).allSatisfy { $0 == 1 })
    }

    @Test("every number of an image, and its place, is in its key")
    func keys() {
        let x: [Float] = [9, 1, 2, 3, 9]
        let key = Dropout.key(x, 1, count: 3)
        #expect(key == Dropout.key([1, 2, 3], 0, count: 3))
        for other: [Float] in [[0, 2, 3], [1, 2.000_000_2, 3], [1, 3, 2], [-1, 2, 3]] {
            #expect(Dropout.key(other, 0, count: 3) != key)
        }
    }
}
