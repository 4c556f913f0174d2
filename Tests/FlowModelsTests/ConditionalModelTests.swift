import FlowCore
import FlowModels
import Glibc
import Testing

@Suite("Class-conditional model")
struct ConditionalModelTests {
    private static let prior = [0.5, 0.2, 0.3]

    private func models() throws -> [any ImageDensity] {
        try [
            tinyModel(MaskedAutoregressiveFlow.self, classPrior: Self.prior),
            tinyModel(AffineCouplingFlow.self, classPrior: Self.prior),
        ]
    }

    private func pixels(_ seed: UInt64) -> [UInt8] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<6).map { _ in UInt8(random.uniform() * 255) }
    }

    @Test("without a class the density is the mixture, with its parts")
    func mixture() throws {
        for model in try models() {
            let row = DensityRow(pixels: pixels(1))
            let whole = try model.densities(of: [row], isCancelled: { false })[0]
            let parts = try (0..<3).map { c in
                try model.logDensities(of: [DensityRow(pixels: row.pixels, classIndex: c)], isCancelled: { false })[0]
            }
            #expect(whole.classLogProbs == parts)
            #expect(Set(parts).count == 3, "classes have densities of their own")
            let sum = zip(Self.prior, parts).reduce(0) { $0 + $1.0 * exp($1.1 - parts[0]) }
            #expect(abs(whole.logProb - (parts[0] + log(sum))) < 1e-9)
            let given = try model.densities(of: [DensityRow(pixels: row.pixels, classIndex: 2)], isCancelled: { false })
            #expect(given == [RowDensity(logProb: parts[2])])
        }
    }

    @Test("a sum of exponentials is exact, without overflow")
    func sums() {
        #expect(abs(logSumExp([log(1), log(2), log(6)]) - log(9)) < 1e-12)
        #expect(abs(logSumExp([4000, 4000]) - 4000 - log(2)) < 1e-9)
        #expect(logSumExp([-3.25]) == -3.25)
        #expect(logSumExp([-.infinity, -.infinity]) == -.infinity && logSumExp([]) == -.infinity)
        #expect(logSumExp([1, .nan]).isNaN)
    }

    @Test("a row has the same bits beside rows of other classes and without one")
    func invariance() throws {
        for model in try models() {
            let rows = (0..<90).map { i in
                DensityRow(pixels: pixels(UInt64(i % 7)), draw: UInt32(i % 2), classIndex: i % 4 == 3 ? nil : i % 4)
            }
            let together = try model.densities(of: rows, isCancelled: { false })
            for (row, density) in zip(rows, together) {
                #expect(try model.densities(of: [row], isCancelled: { false }) == [density])
            }
        }
    }

    @Test("samples are of the class that is asked for, or else drawn by the shares; scored alike")
    func sampling() throws {
        for model in try models() {
            let drawn = try model.sample(
                (0..<600).map { SampleRow(seed: 3, index: UInt64($0)) }, isCancelled: { false })
            for c in 0..<3 {
                let share = Double(drawn.count { $0.classIndex == c }) / 600
                // four standard errors
                #expect(abs(share - Self.prior[c]) < 4 * (Self.prior[c] * (1 - Self.prior[c]) / 600).squareRoot())
            }
            let asked = try model.sample([SampleRow(seed: 3, index: 5, classIndex: 1)], isCancelled: { false })[0]
            let other = try model.sample([SampleRow(seed: 3, index: 5, classIndex: 2)], isCancelled: { false })[0]
            #expect(asked.classIndex == 1 && other.classIndex == 2 && asked.logDensity != other.logDensity)
            let again = try model.sample(
                [SampleRow(seed: 9, index: 0), SampleRow(seed: 3, index: 5, classIndex: 1)], isCancelled: { false })
            #expect(again[1] == asked)
        }
    }

    @Test("a class that is missing or unknown is refused")
    func refusals() throws {
        let model = try models()[0]
        for classIndex in [nil, -1, 3] {
            #expect(throws: FlowError.self) {
                try model.logDensities(
                    of: [DensityRow(pixels: pixels(1), classIndex: classIndex)], isCancelled: { false })
            }
        }
        #expect(throws: FlowError.self) {
            try model.sample([SampleRow(seed: 0, index: 0, classIndex: 3)], isCancelled: { false })
        }
        let plain = try tinyModel(MaskedAutoregressiveFlow.self)
        #expect(throws: FlowError.self) {
            try plain.logDensities(of: [DensityRow(pixels: pixels(1), classIndex: 0)], isCancelled: { false })
        }
    }

    @Test("a file keeps classes and shares, and a record whose shares make no sense is refused")
    func file() throws {
        let model = try tinyModel(MaskedAutoregressiveFlow.self, classPrior: Self.prior)
        let bytes = try ModelFile.encode(model, precision: .float32)
        let loaded = unsafe try ModelFile.load(bytes.span.bytes)
        #expect(loaded.record.classPrior == Self.prior && loaded.record.isConditional)
        let row = DensityRow(pixels: pixels(4))
        #expect(
            try loaded.densities(of: [row], isCancelled: { false })
                == model.densities(of: [row], isCancelled: { false }))
        for prior in [[0.5, 0.5], [0.5, 0.5, 0.5], [1, 0, 0], [0.4, 0.2, 0.3]] {
            #expect(throws: (any Error).self) {
                var record = model.record
                record.classPrior = prior
                let bad = try DensityModel(flow: model.flow, record: record)
                let bytes = try ModelFile.encode(bad, precision: .float32)
                _ = unsafe try ModelFile.load(bytes.span.bytes)
            }
        }
    }
}
