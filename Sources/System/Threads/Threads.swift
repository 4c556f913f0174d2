import Dispatch
import Glibc

/// Threads of our own, so that computing never holds up the cooperative pool or an I/O queue.
package enum Threads {
    /// Starts a thread that runs `body` and ends with it.
    ///
    /// `niceness` is added to the thread's own nice value: on Linux that is a property of the thread, and the 0 of
    /// `setpriority` names the calling one (sched(7), setpriority(2)).
    package static func start(niceness: Int32 = 0, _ body: @escaping @Sendable () -> Void) {
        let box = Body(run: body, niceness: niceness)
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                if body.niceness > 0 { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, body.niceness) }
                body.run()
                return nil
            }, Unmanaged.passRetained(box).toOpaque())
        precondition(status == 0, "no thread could be started at start-up")
        pthread_detach(thread)
    }

    /// Checks that `count` more threads can be had, by having them for a moment: limits of tasks and of address space are in
    /// the way at times (pthread_create(3), EAGAIN).
    /// - Throws: ``SystemError``.
    package static func check(_ count: Int) throws(SystemError) {
        let gate = DispatchSemaphore(value: 0)
        let pointer = unsafe Unmanaged.passUnretained(gate).toOpaque()
        var threads: [pthread_t] = []
        var failure: Int32 = 0
        while threads.count < count, failure == 0 {
            var thread = pthread_t()
            failure = unsafe pthread_create(
                &thread, nil,
                { gate in
                    guard let gate = unsafe gate else { return nil }
                    unsafe Unmanaged<DispatchSemaphore>.fromOpaque(gate).takeUnretainedValue().wait()
                    return nil
                }, pointer)
            if failure == 0 { threads.append(thread) }
        }
        for _ in threads { gate.signal() }
        for thread in threads { pthread_join(thread, nil) }
        withExtendedLifetime(gate) {}
        if failure != 0 { throw SystemError(failure) }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        let niceness: Int32

        init(run: @escaping @Sendable () -> Void, niceness: Int32) {
            self.run = run
            self.niceness = niceness
        }
    }
}
