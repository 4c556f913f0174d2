import Dispatch
import Glibc
import Synchronization

/// Handler of SIGHUP, by which what was read from files is to be read again. From its making on the signal ends nothing.
final class HangUp {
    private struct State {
        var action: (@Sendable () -> Void)?
        /// Whether a signal came before there was an action.
        var isDue = false
    }

    private final class Inbox: Sendable {
        private let state = Mutex(State())

        func received() {
            let action = state.withLock { state in
                if state.action == nil { state.isDue = true }
                return state.action
            }
            action?()
        }

        /// - Returns: whether a signal came before.
        func act(_ action: @escaping @Sendable () -> Void) -> Bool {
            state.withLock { state in
                state.action = action
                defer { state.isDue = false }
                return state.isDue
            }
        }
    }

    private let inbox = Inbox()
    private let queue = DispatchQueue(label: "tusk.reload")
    private let source: any DispatchSourceSignal

    init() {
        _ = signal(SIGHUP, SIG_IGN)  // the source sees it all the same
        source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: queue)
        source.setEventHandler { [inbox] in inbox.received() }
        source.resume()
    }

    deinit { source.cancel() }

    /// Calls `action`, never twice at once, for every signal, or once for several in short order; for those that came
    /// before too.
    func act(_ action: @escaping @Sendable () -> Void) {
        if inbox.act(action) { queue.async(execute: action) }
    }
}
