import Dispatch
import Glibc
import Synchronization

/// SIGINT and SIGTERM ask for an orderly end; the second one ends the process at once.
final class Interruption {
    /// Exit code of a command that was interrupted: 128 + SIGINT.
    static let exitCode: Int32 = 130

    private final class Flag: Sendable {
        let raised = Atomic(false)
    }

    private let flag = Flag()
    private let sources: [any DispatchSourceSignal]

    init() {
        let flag = flag
        sources = [SIGINT, SIGTERM].map { number in
            _ = signal(number, SIG_IGN)  // the source sees it all the same
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if flag.raised.exchange(true, ordering: .relaxed) { _exit(Self.exitCode) }
            }
            source.resume()
            return source
        }
    }

    var isRequested: Bool { flag.raised.load(ordering: .relaxed) }
}
