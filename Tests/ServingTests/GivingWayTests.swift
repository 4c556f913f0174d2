import Dispatch
import FlowCore
import FlowModels
import Foundation
import Glibc
import Serving
import TestSupport
import Testing

/// A row that is computed in parts, of which a test says what each does.
private struct PartedRow: Sendable {
    var parts: Int
    /// - Parameter isOwner: whether the thread is the one that has the batch, which stays until all parts are done; others help.
    var body: @Sendable (_ part: Int, _ isOwner: Bool) -> Void
}

private enum PartedWork: LaneWork {
    static let name = "parted"

    static func parts(of row: PartedRow, on _: any ImageDensity) -> Int { row.parts }
    static func order(on _: any ImageDensity) -> ExecutionOrder { .parallel }

    static func run(
        _ rows: [PartedRow], on _: any ImageDensity, threads: (any IdleThreads)?,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Result<Int, RowFailure>] {
        let owner = pthread_self()
        return rows.map { row in
            if let threads {
                threads.run(parts: row.parts) { row.body($0, pthread_equal(pthread_self(), owner) != 0) }
            } else {
                for part in 0..<row.parts { row.body(part, true) }
            }
            return .success(row.parts)
        }
    }
}

/// Parts that have begun, and gates that they wait at.
private final class Stage: Sendable {
    let begun = Locked<[String]>([])
    let first = DispatchSemaphore(value: 0)
    let second = DispatchSemaphore(value: 0)

    func note(_ name: String, _ part: Int) { begun.change { $0.append("\(name)\(part)") } }
    func count(_ name: String) -> Int { begun.value.count { $0.hasPrefix(name) } }
}

@Suite("Batches that give way", .timeLimit(.minutes(15)))
struct GivingWayTests {
    private func terms(_ caller: String) -> RequestTerms { RequestTerms(caller: Caller(name: caller)) }

    @Test("a batch stops between two parts for the first turn of another caller, and for no second one")
    func givingWay() async throws {
        var configuration = ServiceConfiguration()
        configuration.threads = 2
        let (service, model) = (DensityService(configuration: configuration), LoadedModel(FakeDensity()))
        let stage = Stage()
        func ask(_ caller: String, parts: Int, _ body: @escaping @Sendable (Int, Bool) -> Void) async throws {
            let row = PartedRow(parts: parts, body: body)
            _ = try await service.answer(PartedWork.self, [row], by: model, terms: terms(caller))
        }
        /// Two parts, of which the first ends only when another thread has begun the second.
        func pair(_ name: String, _ atSecond: @escaping @Sendable () -> Void) -> @Sendable (Int, Bool) -> Void {
            let met = DispatchSemaphore(value: 0)
            return { part, _ in
                stage.note(name, part)
                if part == 0 {
                    stage.first.signal()
                    met.wait()
                } else {
                    atSecond()
                    met.signal()
                }
            }
        }

        // Long enough that threads help with the next.
        try await ask("old", parts: 1) { _, _ in Thread.sleep(forTimeInterval: 0.01) }
        // The batch's own thread waits until the newcomer has the other one, whichever of the first two parts each has: the other
        // way round nobody would be left for the newcomer.
        async let old: Void = ask("old", parts: 6) { part, isOwner in
            stage.note("old", part)
            if part < 2 { isOwner ? stage.first.wait() : stage.second.wait() }
        }
        await eventually { stage.count("old") == 2 }
        let oldAtSecond = Locked<[Int]>([])
        async let new: Void = ask(
            "new", parts: 2, pair("new") { oldAtSecond.change { $0.append(stage.count("old")) } })
        await eventually { service.queuedRows == 0 }
        async let newer: Void = ask(
            "later", parts: 2, pair("later") { oldAtSecond.change { $0.append(stage.count("old")) } })
        await eventually { service.queuedRows == 1 }
        stage.second.signal()
        _ = try await (old, new, newer)
        #expect(oldAtSecond.value == [2, 6], "\(stage.begun.value)")
    }
}
