import Glibc
package import HTTPWire
import Synchronization
import System

/// Executor of an actor on a thread of its own, which waits for sockets, for jobs and for times in one call, epoll_wait(2).
///
/// An event is handled on the thread that waited for it, so that a request takes no hop: it is read, answered and written between
/// two calls of epoll_wait. Handlers of events, and what ``async(_:)`` and ``after(_:_:)`` are given, may enter the actor by
/// `assumeIsolated`.
package final class EventThread: SerialExecutor {
    /// What others have the thread do.
    private enum Work {
        /// A job of the actor, whose executor stays until it has run.
        case job(UnownedJob, EventThread)
        case body(@Sendable () -> Void)
        case timer(Timer)
    }

    private struct Timer {
        var due: Nanoseconds
        var body: @Sendable () -> Void
    }

    private struct Inbox {
        var work: [Work] = []
        /// Whether the thread waits, or is about to, and must be woken to see more work.
        var isAsleep = false
        var isStopped = false
    }

    /// State that the thread keeps alive: the executor goes with its actor, and the thread ends then.
    private final class Core: Sendable {
        let poller: Poller
        let inbox = Mutex(Inbox())
        /// The thread, by pthread_self(3); 0 before it runs.
        let thread = Atomic<UInt>(0)

        init(_ poller: Poller) { self.poller = poller }

        func add(_ work: Work) {
            let mustWake = inbox.withLock { inbox in
                inbox.work.append(work)
                defer { inbox.isAsleep = false }
                return inbox.isAsleep
            }
            if mustWake { poller.wake() }
        }

        func stop() {
            inbox.withLock { $0.isStopped = true }
            poller.wake()
        }
    }

    private let core: Core

    /// Sockets that the thread waits for; used on the thread only.
    var poller: Poller { core.poller }

    /// Starts the thread.
    /// - Throws: ``HTTPListenError/system(call:code:)``.
    package init() throws(HTTPListenError) {
        let core = Core(try Poller())
        self.core = core
        Threads.start {
            core.thread.store(UInt(pthread_self()), ordering: .relaxed)
            Self.run(core)
        }
    }

    deinit { core.stop() }

    package func enqueue(_ job: consuming ExecutorJob) { core.add(.job(UnownedJob(job), self)) }

    package func checkIsolated() {
        precondition(core.thread.load(ordering: .relaxed) == UInt(pthread_self()), "not on the executor's thread")
    }

    /// Runs `body` on the thread, behind what was given before.
    package func async(_ body: @escaping @Sendable () -> Void) { core.add(.body(body)) }

    /// Runs `body` on the thread when `delay` nanoseconds have passed.
    package func after(_ delay: Nanoseconds, _ body: @escaping @Sendable () -> Void) {
        core.add(.timer(Timer(due: monotonicNow() &+ delay, body: body)))
    }

    /// Calls `onReady` on the thread whenever sockets of ``poller`` are ready, which ``Poller/event(_:)`` then tells.
    func activate(onReady: @escaping @Sendable () -> Void) {
        core.add(.body { [core] in core.poller.onReady = onReady })
    }

    // MARK: - On the thread

    private static func run(_ core: Core) {
        var work: [Work] = []
        var timers: [Timer] = []
        while true {
            let isStopped = core.inbox.withLock { inbox in
                swap(&inbox.work, &work)
                // What is due runs first; with nothing to do the thread sleeps, and whoever adds something wakes it.
                inbox.isAsleep = work.isEmpty
                return inbox.isStopped && work.isEmpty
            }
            if isStopped { return }
            for item in work {
                switch item {
                case .job(let job, let executor): unsafe job.runSynchronously(on: executor.asUnownedSerialExecutor())
                case .body(let body): body()
                case .timer(let timer): timers.append(timer)
                }
            }
            let hadWork = !work.isEmpty
            work.removeAll(keepingCapacity: work.capacity <= 64)
            let wait = runDue(&timers)
            // After work there may be more of it, and sockets have their turn before that.
            core.poller.wait(milliseconds: hadWork ? 0 : wait)
            if !hadWork { core.inbox.withLock { $0.isAsleep = false } }
            if core.poller.count > 0 { core.poller.onReady?() }
        }
    }

    /// Runs the timers that are due.
    /// - Returns: milliseconds until the next is, rounded up; -1 without one.
    private static func runDue(_ timers: inout [Timer]) -> Int32 {
        if timers.isEmpty { return -1 }
        let now = monotonicNow()
        let due = timers.filter { $0.due <= now }
        if !due.isEmpty {
            timers.removeAll { $0.due <= now }
            for timer in due { timer.body() }
            // What they have added is in the inbox, whose waker knows that the thread was about to sleep.
        }
        guard let next = timers.map(\.due).min() else { return -1 }
        return Int32(clamping: (max(next, now) - now + 999_999) / 1_000_000)
    }
}
