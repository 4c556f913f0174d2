import FlowCore
import Testing

@Suite("Philox")
struct PhiloxTests {
    /// From `kat_vectors` of Random123 1.14, `philox4x32 10`.
    static let published: [(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, block: SIMD4<UInt32>)] = [
        (.zero, .zero, SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)),
        (
            SIMD4(repeating: .max), SIMD2(repeating: .max),
            SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
        ),
        (
            SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2(0xa409_3822, 0x299f_31d0),
            SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
        ),
    ]

    @Test("gives the published blocks", arguments: published.indices)
    func knownAnswers(_ index: Int) {
        let vector = Self.published[index]
        #expect(Philox.block(counter: vector.counter, key: vector.key) == vector.block)
    }

    @Test("a block depends on seed, stream and index alone")
    func addressing() {
        let philox = Philox(seed: 0xa409_3822, stream: 7)
        #expect(philox.block(at: 5) == Philox(seed: 0xa409_3822, stream: 7).block(at: 5))
        #expect(philox.block(at: 5) != philox.block(at: 6))
        #expect(philox.block(at: 5) != Philox(seed: 0xa409_3822, stream: 8).block(at: 5))
        #expect(philox.block(at: 5) != Philox(seed: 0xa409_3823, stream: 7).block(at: 5))
    }

    /// Twelve standard errors of the mean of 100,000 draws.
    @Test("uniform numbers are inside (0, 1), with mean 1/2 and variance 1/12")
    func uniform() {
        var stream = RandomStream(seed: 1, stream: 2)
        let draws = (0..<100_000).map { _ in Double(stream.uniform()) }
        #expect(draws.allSatisfy { $0 > 0 && $0 < 1 })
        let mean = draws.reduce(0, +) / 1e5
        #expect(abs(mean - 0.5) < 12 * 0.289 / 316)
        #expect(abs(draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 1e5 - 1 / 12.0) < 0.003)
    }

    @Test("normal numbers have mean 0, variance 1 and the normal share beyond 1.96")
    func normal() {
        var stream = RandomStream(seed: 3, stream: 4)
        let draws = (0..<100_000).map { _ in Double(stream.normal()) }
        #expect(abs(draws.reduce(0, +) / 1e5) < 0.03)
        #expect(abs(draws.reduce(0) { $0 + $1 * $1 } / 1e5 - 1) < 0.03)
        #expect(abs(Double(draws.count { abs($0) > 1.96 }) / 1e5 - 0.05) < 0.006)
    }
}

@Suite("Standard normal")
struct StandardNormalTests {
    @Test("log-density of the origin and of a hand-computed point")
    func values() {
        let z = Matrix(rows: 2, columns: 2, elements: [0, 0, 1, -2])
        let logDensity = standardNormalLogDensity(z)
        #expect(abs(logDensity[0] + 1.837_877_066) < 1e-9)
        #expect(abs(logDensity[1] + 1.837_877_066 + 2.5) < 1e-9)
    }

    @Test("a row has the same bits alone and among others", arguments: [1, 7, 8, 13, 784])
    func rows(dims: Int) {
        var random = RandomStream(seed: 12, stream: 0)
        let z = (0..<9 * dims).map { _ in random.normal() }
        let together = standardNormalLogDensity(Matrix(rows: 9, columns: dims, elements: z))
        for r in 0..<9 {
            let row = Array(z[r * dims..<(r + 1) * dims])
            #expect(standardNormalLogDensity(Matrix(rows: 1, columns: dims, elements: row)) == [together[r]])
            let exact = row.reduce(0.0) { $0 - 0.5 * (Double($1) * Double($1) + 1.837_877_066_409_345_5) }
            // the same terms in another order
            #expect(abs(together[r] - exact) <= Double(dims + 2) * exact.ulp)
        }
    }
}
