import FlowCore
import FlowKernels
import Testing

@Suite("Kernels", .serialized)
struct KernelTests {
    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<count).map { _ in random.normal() }
    }

    /// Odd sizes, blocks inside larger arrays, both operands transposed or not.
    @Test(
        "a product of blocks equals the sum over products",
        arguments: [(1, 1, 1), (3, 5, 7), (64, 16, 33), (17, 1, 129)], [0, 1, 2, 3])
    func matmulAgainstSums(size: (m: Int, n: Int, k: Int), transposes: Int) {
        let (m, n, k) = size
        let (ta, tb) = (transposes & 1 == 1, transposes & 2 == 2)
        let (strideA, strideB, strideC) = ((ta ? m : k) + 3, (tb ? k : n) + 2, n + 1)
        let a = numbers(5 + (ta ? k : m) * strideA, seed: 1)
        let b = numbers(4 + (tb ? n : k) * strideB, seed: 2)
        let start = numbers(2 + m * strideC, seed: 3)
        var c = start
        var span = c.mutableSpan
        matmul(
            a.span, Panel(offset: 5, stride: strideA, transposed: ta),
            b.span, Panel(offset: 4, stride: strideB, transposed: tb),
            m: m, n: n, k: k, accumulate: true, c: &span, Panel(offset: 2, stride: strideC))
        var expected = start
        for i in 0..<m {
            for j in 0..<n {
                var sum = 0.0
                for l in 0..<k {
                    let left = a[5 + (ta ? l * strideA + i : i * strideA + l)]
                    let right = b[4 + (tb ? j * strideB + l : l * strideB + j)]
                    sum += Double(left) * Double(right)
                }
                expected[2 + i * strideC + j] += Float(sum)
            }
        }
        // single precision over at most 129 terms of size about 1
        #expect(zip(c, expected).allSatisfy { abs($0 - $1) < 1e-4 })
    }
}
