@testable import FlowCore
import FlowLayers
import TestSupport
import Testing

@Suite("Conditional solve")
struct ConditionalSolveTests {
    private static let rows = 37

    /// Every bijection of the law table that has one order of dimensions.
    private func maps() throws -> [(name: String, map: any Bijection)] {
        try BijectionCase.all.compactMap { row in
            let map = try row.map(dims: 40)
            return FlowEngine(map).conditionalSolve == nil ? nil : (row.testDescription, map)
        }
    }

    @Test("agrees with both directions of the flow, whatever is given")
    func agrees() throws {
        let maps = try maps()
        #expect(maps.count >= 4)
        for (name, map) in maps {
            let engine = FlowEngine(map)
            let solve = try #require(engine.conditionalSolve)
            var random = RandomStream(seed: 3, stream: 0)
            let rows = min(Self.rows, solve.mostRows)
            var start = solve.rows(rows)
            var data = Matrix(rows: rows, columns: map.dims)
            for i in data.elements.indices { data.elements[i] = 0.7 * random.normal() }
            var context = Matrix(rows: rows, columns: max(1, map.contextDims))
            for i in context.elements.indices { context.elements[i] = random.normal() }
            let given = map.contextDims > 0 ? context : nil
            let (latents, _) = try engine.forward(data, context: given)
            for r in 0..<rows {
                for j in 0..<map.dims {
                    start.data.elements[r * start.data.stride + j] = data[r, j]
                    start.latents.elements[r * start.latents.stride + j] = latents[r, j]
                }
                for k in 0..<map.contextDims { start.data.context[r * map.contextDims + k] = context[r, k] }
            }
            for pattern in 0..<4 {
                // all, none, every other, some
                let isGiven = solve.positions.indices.map { pattern == 0 || pattern > 1 && $0 % pattern == 0 }
                var solved = start
                try solve.run(&solved, isGiven: isGiven, temperature: 1, isCancelled: { false }) { _, _ in nil }
                for r in 0..<rows {
                    for j in 0..<map.dims {
                        #expect(abs(solved.data.elements[r * solved.data.stride + j] - data[r, j]) < 2e-4, "\(name)")
                        #expect(
                            abs(solved.latents.elements[r * solved.latents.stride + j] - latents[r, j]) < 2e-4,
                            "\(name)")
                    }
                }
            }
        }
    }

    @Test("the beginning of an inverse has the bits of the whole one, and takes no more than it must")
    func beginning() throws {
        var shorter = 0
        for (name, map) in try maps() {
            let engine = FlowEngine(map)
            let positions = try #require(engine.conditionalSolve).positions
            var random = RandomStream(seed: 6, stream: 0)
            let rows = 3
            let latents = (0..<rows * map.dims).map { _ in random.normal() }
            let context = (0..<rows * map.contextDims).map { _ in random.normal() }
            func inverse(_ count: Int?) throws -> (data: [Float], questions: Int) {
                var (data, logDet) = (latents, [Float](repeating: 0, count: rows))
                var questions = 0
                let isCancelled = {
                    questions += 1
                    return false
                }
                if let count {
                    try engine.inverse(
                        latents, context: context, rows: rows, positions: count, x: &data, logDet: &logDet,
                        isCancelled: isCancelled)
                } else {
                    try engine.inverse(
                        latents, context: context, rows: rows, x: &data, logDet: &logDet, isCancelled: isCancelled)
                }
                return (data, questions)
            }
            let whole = try inverse(nil)
            for count in [1, 2, positions.count / 2, positions.count, positions.count + 1] {
                let part = try inverse(count)
                for r in 0..<rows {
                    for j in positions.prefix(count).joined() {
                        #expect(part.data[r * map.dims + j] == whole.data[r * map.dims + j], "\(name), \(count)")
                    }
                }
                #expect(part.questions <= whole.questions, "\(name), \(count)")
                // Cancellation is asked for row of pixels after row.
                if count == 1, part.questions < whole.questions { shorter += 1 }
            }
        }
        #expect(shorter >= 1, "maps that stop early")
    }

    @Test("a row that goes on in the place of another is the same from then on")
    func copies() throws {
        for (name, map) in try maps() {
            let solve = try #require(FlowEngine(map).conditionalSolve)
            var random = RandomStream(seed: 4, stream: 0)
            let count = min(20, solve.mostRows)
            var rows = solve.rows(count)
            for r in 0..<count {
                for j in 0..<map.dims { rows.data.elements[r * rows.data.stride + j] = 0.5 * random.normal() }
                for k in 0..<map.contextDims { rows.data.context[r * map.contextDims + k] = random.normal() }
            }
            // what is left is given too, and the same for all, so that only what was copied can differ
            let half = solve.positions.count / 2
            for position in solve.positions.indices where position > half {
                for j in solve.positions[position] {
                    for r in 0..<count { rows.data.elements[r * rows.data.stride + j] = 0.25 }
                }
            }
            try solve.run(
                &rows, isGiven: solve.positions.map { _ in true }, temperature: 1, isCancelled: { false }
            ) { position, weights in
                guard position == half else { return nil }
                for r in weights.indices { weights[r] = 0 }
                return (0..<count).map { $0 % 3 }
            }
            #expect(Set(rows.logWeights).count == 3, "\(name)")
            for r in 0..<count { #expect(rows.logWeights[r] == rows.logWeights[r % 3], "\(name)") }
        }
    }
}
