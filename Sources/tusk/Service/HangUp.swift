import Dispatch
import Glibc

/// Handler of SIGHUP, by which what was read from files is to be read again.
final class HangUp {
    private let source: any DispatchSourceSignal

    /// Calls `action`, never twice at once, for every signal, or once for several in short order.
    init(_ action: @escaping @Sendable () -> Void) {
        _ = signal(SIGHUP, SIG_IGN)  // the source sees it all the same
        source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: DispatchQueue(label: "tusk.reload"))
        source.setEventHandler(handler: action)
        source.resume()
    }

    deinit { source.cancel() }
}
