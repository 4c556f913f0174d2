import Dispatch
import Glibc
import Synchronization

/// Handler of SIGINT and SIGTERM: the first asks for an orderly end, the second ends the process at once.
final class Interruption {
    /// Exit code of a command that was interrupted: 128 + SIGINT.
    static let exitCode: Int32 = 130

    private final class Flag: Sendable {
        let raised = Atomic(false)
    }

    private let flag = Flag()
    private let sources: [any DispatchSourceSignal]

    /// - Parameter whenRequested: called for the first signal, on a queue of its own.
    init(_ whenRequested: @escaping @Sendable () -> Void = {}) {
        let flag = flag
        // Its own queue: the threads of the global ones may all compute.
        let queue = DispatchQueue(label: "tusk.interruption")
        sources = [SIGINT, SIGTERM].map { number in
            _ = signal(number, SIG_IGN)  // the source sees it all the same
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                if flag.raised.exchange(true, ordering: .relaxed) { _exit(Self.exitCode) }
                whenRequested()
            }
            source.resume()
            return source
        }
    }

    var isRequested: Bool { whetherRequested() }

    /// ``isRequested``, for other threads to ask.
    var whetherRequested: @Sendable () -> Bool {
        let flag = flag
        return { flag.raised.load(ordering: .relaxed) }
    }
}
