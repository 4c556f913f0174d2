import Dispatch
import Glibc
import HTTPTypes
import HTTPWire
import System
import TestSupport
import Testing

@testable import HTTPServer

/// An actor on a thread of its own.
private actor Counter {
    nonisolated let executor: EventThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
    private var count = 0

    init() throws { executor = try EventThread() }

    func add() -> Int {
        count += 1
        return count
    }
}

/// Number of the calling thread.
private func threadNumber() -> Int32 {
    let length = 64
    var link = [CChar](repeating: 0, count: length)
    // "process/task/thread"
    let count = unsafe readlink("/proc/thread-self", &link, length)
    let text = String(decoding: link.prefix(max(count, 0)).map(UInt8.init), as: UTF8.self)
    guard let number = text.split(separator: "/").last.flatMap({ Int32($0) }) else {
        preconditionFailure("no /proc/thread-self")
    }
    return number
}

/// Whether this process has the thread `number`.
private func isAlive(_ number: Int32) -> Bool { unsafe access("/proc/self/task/\(number)", F_OK) == 0 }

/// Waits on a thread that may wait, as none of the cooperative pool may.
private func blocking<Output: Sendable>(_ body: @escaping @Sendable () -> Output) async -> Output {
    await withCheckedContinuation { continuation in
        Threads.start { continuation.resume(returning: body()) }
    }
}

@Suite("Thread of events", .timeLimit(.minutes(15)))
struct EventThreadTests {
    /// Number of the thread under `thread`.
    private func number(of thread: EventThread) async -> Int32 {
        await withCheckedContinuation { continuation in
            thread.async { continuation.resume(returning: threadNumber()) }
        }
    }

    @Test("what each gives runs in its order, all of it, on the one thread")
    func order() async throws {
        let thread = try EventThread()
        let number = await number(of: thread)
        let seen = Locked<[[Int]]>(Array(repeating: [], count: 4))
        let strangers = Locked(0)
        await withTaskGroup { group in
            for sender in 0..<4 {
                group.addTask {
                    await blocking {
                        for item in 0..<500 {
                            thread.async {
                                thread.checkIsolated()
                                if threadNumber() != number { strangers.change { $0 += 1 } }
                                seen.change { $0[sender].append(item) }
                            }
                            if item % 50 == sender { TestSupport.pause() }
                        }
                    }
                }
            }
        }
        await TestSupport.eventually { seen.value.allSatisfy { $0.count == 500 } }
        #expect(seen.value.allSatisfy { $0 == Array(0..<500) })
        #expect(strangers.value == 0)
    }

    @Test("none of the wakers of a thread that falls asleep again and again is lost")
    func wakers() async throws {
        let thread = try EventThread()
        let rounds = await blocking {
            let done = DispatchSemaphore(value: 0)
            var rounds = 0
            for _ in 0..<5000 {
                thread.async { done.signal() }
                guard done.wait(timeout: .now() + .seconds(300)) == .success else { break }
                rounds += 1
            }
            return rounds
        }
        #expect(rounds == 5000)
    }

    /// A timer runs between the moment when the thread says that it sleeps and the moment when it waits.
    @Test("what comes between the word that it sleeps and the wait is not lost")
    func armed() async throws {
        let thread = try EventThread()
        for _ in 0..<20 {
            let isDone = await blocking {
                let (inTimer, added, done) = (
                    DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
                )
                // Due a moment later, when the thread has nothing else to do.
                thread.after(2_000_000) {
                    inTimer.signal()
                    added.wait()
                }
                inTimer.wait()
                thread.async { done.signal() }
                added.signal()
                return done.wait(timeout: .now() + .seconds(300)) == .success
            }
            #expect(isDone)
        }
        let order = Locked<[String]>([])
        thread.after(2_000_000) {
            order.change { $0.append("timer") }
            thread.async { order.change { $0.append("its work") } }
            thread.after(0) { order.change { $0.append("its timer") } }
        }
        await TestSupport.eventually { order.value.count == 3 }
        #expect(order.value == ["timer", "its work", "its timer"])
    }

    @Test("timers run when their time has come, not before, and work does not wait for them")
    func timers() async throws {
        let thread = try EventThread()
        let start = monotonicNow()
        let early = Locked(0)
        let order = Locked<[Int]>([])
        thread.after(3_600_000_000_000) { early.change { $0 += 1 } }
        for milliseconds in [300, 0, 150] {
            thread.after(Nanoseconds(milliseconds) * 1_000_000) {
                if monotonicNow() < start + Nanoseconds(milliseconds) * 1_000_000 { early.change { $0 += 1 } }
                order.change { $0.append(milliseconds) }
            }
        }
        // The longest time that a duration gives lies ahead, not behind.
        thread.after(Duration.seconds(Int64.max).nanoseconds) { early.change { $0 += 1 } }
        await TestSupport.eventually { order.value.count == 3 }
        #expect(Set(order.value) == [0, 150, 300])
        _ = await number(of: thread)
        #expect(early.value == 0)
    }

    @Test("an actor on it runs its jobs there")
    func actor() async throws {
        let counter = try Counter()
        await withTaskGroup { group in
            for _ in 0..<200 { group.addTask { _ = await counter.add() } }
        }
        #expect(await counter.add() == 201)
        let sum = await withCheckedContinuation { continuation in
            counter.executor.async { continuation.resume(returning: counter.assumeIsolated { $0.add() }) }
        }
        #expect(sum == 202)
    }

    @Test("it ends when nobody has it any more, after the work that it was given and before its timers")
    func end() async throws {
        var thread: EventThread? = try EventThread()
        let number = await number(of: try #require(thread))
        #expect(isAlive(number))
        weak let poller = thread?.poller
        let done = Locked(0)
        thread?.after(3_600_000_000_000) { done.change { $0 += 1000 } }
        for _ in 0..<100 { thread?.async { done.change { $0 += 1 } } }
        thread = nil
        await TestSupport.eventually { !isAlive(number) }
        #expect(done.value == 100)
        await TestSupport.eventually { poller == nil }
    }

    @Test("it ends when it drops its executor itself")
    func ownEnd() async throws {
        let number = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<Int32, any Error>) in
            do {
                let thread = try EventThread()
                thread.async {
                    // the last reference, once the caller has returned
                    thread.checkIsolated()
                    TestSupport.pause()
                    continuation.resume(returning: threadNumber())
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        await TestSupport.eventually { !isAlive(number) }
    }

    @Test("off its thread it is not isolated")
    func isolation() async {
        await #expect(processExitsWith: .failure) {
            // Whatever else goes wrong ends the process well.
            guard let thread = try? EventThread() else { return }
            thread.checkIsolated()
        }
    }

    // MARK: Under a server

    /// Notes the threads that decide.
    private final class Threaded: HTTPHandler {
        let threads = Locked<[UInt64: Set<Int32>]>([:])

        func decide(_ head: HTTPRequest, on connection: ConnectionInfo) -> HeadDecision {
            threads.change { $0[connection.number, default: []].insert(threadNumber()) }
            return .later { .text("later") }
        }

        func respond(
            to error: HTTPServerError, head: HTTPRequest?, labels: ExchangeLabels, on connection: ConnectionInfo
        ) -> ServerResponse { .text("\(error)", status: .badRequest) }
    }

    @Test("connections are spread over the threads, each stays on its own, and the threads end with the server")
    func spread() async throws {
        let handler = Threaded()
        var server: HTTPServer?
        var configuration = HTTPServerConfiguration()
        configuration.addresses = [.tcp(host: "127.0.0.1", port: 0)]
        configuration.ioQueues = 3
        configuration.timeouts = .patient
        server = HTTPServer(configuration: configuration, handler: handler, logger: silentLogger)
        let port = try #require(try server?.start().first?.port)
        try await withThrowingTaskGroup { group in
            for _ in 0..<60 {
                group.addTask {
                    let client = try RawSocketClient(port: port)
                    for _ in 0..<5 { #expect(try await client.roundTrip(get("/")).text == "later") }
                    await client.close()
                }
            }
            try await group.waitForAll()
        }
        let threads = handler.threads.value
        #expect(threads.count == 60 && threads.values.allSatisfy { $0.count == 1 })
        let all = threads.values.reduce(into: Set<Int32>()) { $0.formUnion($1) }
        #expect(all.count == 3)
        for thread in all { #expect(threads.values.count { $0.contains(thread) } == 20) }
        #expect(all.allSatisfy(isAlive))
        await server?.stop(grace: .seconds(60))
        server = nil
        await TestSupport.eventually { !all.contains(where: isAlive) }
    }

    @Test("hundreds of answers that are ready at once reach their clients, beside clients that have left")
    func door() async throws {
        let handler = TestHandler()
        try await withServer(handler, grace: .seconds(60), configure: { $0.ioQueues = 1 }) { port, server in
            var clients: [RawSocketClient] = []
            for _ in 0..<200 {
                let client = try RawSocketClient(port: port)
                try await client.send(get("/door"))
                clients.append(client)
            }
            await TestSupport.eventually { handler.current.running == 200 }
            // A third leaves while the answers are made.
            for (index, client) in clients.enumerated() where index % 3 == 0 { await client.close() }
            handler.openDoor()
            for (index, client) in clients.enumerated() where index % 3 != 0 {
                #expect(try await client.response().text == "door")
            }
            await TestSupport.eventually { handler.current.running == 0 }
            #expect(handler.current.finished == 200)
            await server.passQueues()
            for client in clients { await client.close() }
            #expect(try await RawSocketClient(port: port).roundTrip(get("/now")).text == "now")
        }
    }
}
