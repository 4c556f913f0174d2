import Serving
import Testing

@Suite("Cost of batches")
struct CostModelTests {
    @Test("what a row and what a batch takes is told apart by batches of two sizes, and followed when it changes")
    func line() throws {
        var cost = CostModel()
        #expect(cost.perRow == nil && cost.seconds(rows: 1) == nil && cost.rows(within: 1) == nil)
        for rows in [1, 4, 1, 4] { cost.observe(rows: rows, seconds: 0.1 * Double(rows) + 0.3) }
        #expect(cost.isSplit)
        #expect(try abs(#require(cost.perRow) - 0.1) < 1e-9 && abs(cost.perBatch - 0.3) < 1e-9)
        #expect(try abs(#require(cost.seconds(rows: 10)) - 1.3) < 1e-9)
        #expect(cost.rows(within: 1.31) == 10 && cost.rows(within: 0.2) == 0)
        for _ in 0..<100 { for rows in [1, 4] { cost.observe(rows: rows, seconds: 0.2 * Double(rows)) } }
        #expect(try abs(#require(cost.perRow) - 0.2) < 1e-3 && cost.perBatch < 1e-3)
    }

    @Test("batches of one size give an average, and keep a split that was found before")
    func oneSize() throws {
        var cost = CostModel()
        for _ in 0..<10 { cost.observe(rows: 8, seconds: 0.8) }
        #expect(!cost.isSplit && cost.perBatch == 0)
        #expect(try abs(#require(cost.perRow) - 0.1) < 1e-9)
        cost.observe(rows: 1, seconds: 0.45)
        #expect(cost.isSplit && cost.perBatch > 0.3)
        let before = cost.perBatch / cost.perRow!
        for _ in 0..<300 { cost.observe(rows: 8, seconds: 0.8) }
        #expect(abs(cost.perBatch / cost.perRow! - before) < 0.2 * before)
        #expect(try abs(#require(cost.seconds(rows: 8)) - 0.8) < 0.02)
    }

    @Test("a batch that the system held up is not believed")
    func surprise() throws {
        var cost = CostModel()
        for _ in 0..<20 { cost.observe(rows: 1, seconds: 0.001) }
        cost.observe(rows: 1, seconds: 5)
        #expect(try #require(cost.perRow) < 0.002)
        for _ in 0..<100 { cost.observe(rows: 1, seconds: 0.01) }
        #expect(try abs(#require(cost.perRow) - 0.01) < 0.001, "what stays so is")
    }
}
