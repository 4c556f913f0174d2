import Dispatch
import Logging

/// What the service tells others than its clients: lines on standard output and standard error, and its service manager.
///
/// Each of them may take nothing for as long as it likes, as a pipe does that nobody reads; so each has a queue of its own,
/// and nothing waits for it but ``flush(timeout:)``.
final class ServiceOutput: Sendable {
    private let output = DispatchQueue(label: "tusk.output", qos: .utility)
    private let errors = DispatchQueue(label: "tusk.errors", qos: .utility)
    private let manager = DispatchQueue(label: "tusk.manager", qos: .utility)
    private let unsaid = DispatchGroup()

    /// Says `text` in a line of standard output.
    func line(_ text: String) {
        output.async(group: unsaid) { Terminal.line(text) }
    }

    /// Says on standard error why the service ends.
    func complain(_ text: String) {
        errors.async(group: unsaid) { Terminal.complain(text) }
    }

    /// Has the lines of `log`, which go to standard error too, written before what is complained of next.
    func flush(_ log: LogSink) {
        errors.async(group: unsaid) { log.flush() }
    }

    /// Tells the service manager `states`, a line each; what goes wrong is logged.
    func tell(_ manager: ServiceManager, _ states: [String], _ logger: Logger) {
        self.manager.async(group: unsaid) {
            if let failure = manager.notify(states) { logger.warning("\(failure)") }
        }
    }

    /// Waits until all is said, for `timeout` at most.
    func flush(timeout: DispatchTimeInterval) {
        _ = unsaid.wait(timeout: .now() + timeout)
    }
}
