import Dispatch
import Glibc
import Synchronization

/// Handler of SIGINT and SIGTERM: the first asks for an orderly end, the second ends the process at once.
final class Interruption {
    /// Exit code of a command that was interrupted: 128 + SIGINT.
    static let exitCode: Int32 = 130

    private final class Flag: Sendable {
        let raised = Atomic(false)
        /// Yields once, when it is raised.
        let (requests, request) = AsyncStream<Void>.makeStream()
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
                flag.request.yield()
            }
            source.resume()
            return source
        }
    }

    /// Returns once an end is asked for.
    func wait() async {
        for await _ in flag.requests { return }
    }

    var isRequested: Bool { flag.raised.load(ordering: .relaxed) }
}
