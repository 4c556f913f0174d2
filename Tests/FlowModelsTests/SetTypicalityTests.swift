import FlowCore
import TestSupport
import Testing

@testable import FlowModels

@Suite("Sets of images")
struct SetTypicalityTests {
    /// Evidence of made-up images, independent normals; those of a set are moved by `shift` in one kind.
    private static func evidence(_ count: Int, seed: UInt64, shift: Double = 0, of kind: Int = 1) -> [[Double]] {
        var random = RandomStream(seed: seed, stream: 0)
        return (0..<count).map { _ in
            Evidence.all.indices.map { Double(random.normal()) + ($0 == kind ? shift : 0) }
        }
    }

    private let decision = DecisionRecord(split: "validation", values: Self.evidence(400, seed: 1))

    @Test("a set of learned images is typical, and its p-values are those of chance")
    func typical() throws {
        let found = (0..<30).compactMap { seed in
            SetTypicality(of: Self.evidence(12, seed: 100 + UInt64(seed)), by: decision)
        }
        #expect(found.count == 30)
        let rate = try #require(AlarmRate("0.05"))
        // Bonferroni of eleven: at most a twentieth; 1.5 of 30 expected at most.
        #expect(found.count { $0.verdict(at: rate) == .outlier } <= 5)
        // Each test's p-value by itself is uniform: of 330, 33 ± 5.5 are at most a tenth, somewhat dependent.
        let low = found.flatMap(\.findings).count { $0.rank.pValue <= 0.1 }
        #expect((8...65).contains(low), "\(low)")
        #expect(found.allSatisfy { $0.count == 12 && $0.findings.count == Evidence.all.count + 2 })
    }

    @Test("a small shift that no image shows is told by many, with the reason")
    func shifted() throws {
        let rate = try #require(AlarmRate("0.01"))
        let set = try #require(SetTypicality(of: Self.evidence(64, seed: 7, shift: 0.8), by: decision))
        #expect(set.verdict(at: rate) == .outlier && set.outliers <= 4)
        let first = try #require(set.reasons(at: rate).first)
        #expect(first == "on the whole an image of the set \(Evidence.all[1].high)")
        let low = try #require(SetTypicality(of: Self.evidence(64, seed: 8, shift: -0.8), by: decision))
        #expect(low.reasons(at: rate).first == "on the whole an image of the set \(Evidence.all[1].low)")
        let few = try #require(SetTypicality(of: Self.evidence(2, seed: 9, shift: 0.8), by: decision))
        #expect(few.verdict(at: rate) == .typical && few.reasons(at: rate) == [])
    }

    @Test("a few images that are far out are told among many that are not; the same set has the same answer")
    func some() throws {
        var images = Self.evidence(60, seed: 11)
        for i in 0..<5 { images[i * 12] = images[i * 12].map { $0 * 8 } }
        let set = try #require(SetTypicality(of: images, by: decision))
        let again = try #require(SetTypicality(of: images, by: decision))
        let turned = try #require(SetTypicality(of: images.reversed(), by: decision))
        #expect(set.findings == again.findings && set.rank == again.rank)
        #expect(turned.rank == set.rank && turned.findings == set.findings, "a set has no order")
        #expect(set.findings[0].rank.pValue <= 0.01 && set.outliers >= 4)
        #expect(set.reasons(at: AlarmRate("0.01")!).contains { $0.hasPrefix("more images of the set are far") })
    }

    @Test("an image alone is a set; one whose evidence is no number is none")
    func ends() throws {
        let one = try #require(SetTypicality(of: [Array(repeating: 50, count: Evidence.all.count)], by: decision))
        // As odd as one of 201 can be.
        #expect(one.findings[0].rank.pValue < 0.01 && one.count == 1)
        let infinite = [Array(repeating: -Double.infinity, count: Evidence.all.count)]
        #expect(SetTypicality(of: infinite, by: decision)?.findings[0].rank.pValue ?? 1 < 0.01)
        #expect(SetTypicality(of: [Array(repeating: Double.nan, count: Evidence.all.count)], by: decision) == nil)
    }

    @Test("images that are exactly as the calibration images tie, and are not odd")
    func ties() throws {
        let flat = Array(repeating: Array(repeating: 1.0, count: Evidence.all.count), count: 40)
        let decision = DecisionRecord(split: "validation", values: flat)
        let set = try #require(SetTypicality(of: Array(flat.prefix(5)), by: decision))
        #expect(set.rank.pValue == 1 && set.findings.allSatisfy { $0.rank.pValue == 1 })
    }

    @Test("rates that the choices do not tell are known")
    func rates() throws {
        for (text, tells) in [("0.01", true), ("0.0016", true), ("0.00159", false), ("0.001", false)] {
            #expect(SetTypicality.tells(at: try #require(AlarmRate(text)), by: decision) == tells, "\(text)")
        }
    }
}
