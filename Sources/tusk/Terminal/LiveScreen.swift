import Dispatch
import Glibc
import Synchronization

/// Page on a terminal that is drawn again in its place, on the terminal's second screen, until SIGINT or SIGTERM ends it.
///
/// The first screen is back, and the cursor with it, as soon as the signal comes; Ctrl-Z gives both back meanwhile.
final class LiveScreen {
    /// What ``wait(until:)`` waited for.
    enum Event {
        case timePassed, resized, ended
    }

    /// Columns and rows.
    struct Size: Equatable {
        var width: Int
        var height: Int
    }

    private final class State: Sendable {
        let isShown = Mutex(false)
        let wake = DispatchSemaphore(value: 0)

        func show() {
            isShown.withLock { isShown in
                if !isShown { Terminal.write(Code.enter) }
                isShown = true
            }
        }

        func hide() {
            isShown.withLock { isShown in
                if isShown { Terminal.write(Code.leave) }
                isShown = false
            }
        }
    }

    /// Control sequences of ECMA-48 and xterm.
    private enum Code {
        /// Second screen, no cursor.
        static let enter = "\u{1B}[?1049h\u{1B}[?25l"
        static let leave = "\u{1B}[?25h\u{1B}[?1049l"
        static let home = "\u{1B}[H"
        static let clearLine = "\u{1B}[K"
        static let clearBelow = "\u{1B}[J"
    }

    private let state = State()
    private let interruption: Interruption
    private let sources: [any DispatchSourceSignal]

    /// Whether standard output is a terminal that can be drawn on.
    static var isPossible: Bool {
        let kind = environmentVariable("TERM") ?? ""
        return Terminal.isInteractive && !kind.isEmpty && kind != "dumb"
    }

    /// Takes the terminal over.
    init() {
        let state = state
        interruption = Interruption {
            state.hide()
            state.wake.signal()
        }
        let queue = DispatchQueue(label: "tusk.screen")
        func on(_ number: Int32, _ body: @escaping @Sendable () -> Void) -> any DispatchSourceSignal {
            _ = signal(number, SIG_IGN)  // the source sees it all the same
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: body)
            source.resume()
            return source
        }
        sources = [
            on(SIGWINCH) { state.wake.signal() },
            on(SIGTSTP) {
                state.hide()
                // Of this thread: one of the process may stop another first, and this one would go on for a moment. It is here again after
                // SIGCONT.
                raise(SIGSTOP)
                state.show()
                state.wake.signal()
            },
        ]
        state.show()
    }

    /// Gives the terminal back.
    func close() { state.hide() }

    /// Size of the terminal; the classic one where it does not say.
    var size: Size {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return Size(width: 80, height: 24)
        }
        return Size(width: Int(size.ws_col), height: Int(size.ws_row))
    }

    /// Shows `lines`, which fit, in the place of what is shown.
    func draw(_ lines: [String], _ size: Size) {
        // Whole lines are not cleared at their end: the cursor still stands on their last column.
        let page = lines.map { $0.count < size.width ? $0 + Code.clearLine : $0 }.joined(separator: "\r\n")
        let rest = lines.count < size.height ? "\r\n" + Code.clearBelow : ""
        state.isShown.withLock { isShown in
            // one write, so that no half page is seen
            if isShown { Terminal.write(Code.home + page + rest) }
        }
    }

    /// Waits until `deadline`, until the terminal has another size, or until it is all over.
    func wait(until deadline: DispatchTime) -> Event {
        if interruption.isRequested { return .ended }
        let result = state.wake.wait(timeout: deadline)
        if interruption.isRequested { return .ended }
        return result == .success ? .resized : .timePassed
    }
}
