import DensityAPI
import Logging
import Synchronization

/// An error whose text holds no path, address or internal name, so that a client may be told it.
protocol TellableError: Error {}

/// Things that can be read again while the service runs: on SIGHUP, and by `POST /admin/reload`.
final class Reloading: Sendable {
    /// Thing that can be read again.
    struct Part: Sendable {
        var name: String
        /// Reads the thing again and puts it into force, or throws and leaves the old.
        var reload: @Sendable () throws -> Void
    }

    /// Things that can be read again; locked while they are read too, so that two requests do not mix old and new.
    private let parts: Mutex<[Part]>
    private let logger: Logger

    init(logger: Logger) {
        parts = Mutex([])
        self.logger = logger
    }

    func add(_ part: Part) {
        parts.withLock { $0.append(part) }
    }

    /// Whether there is nothing to read again; then SIGHUP ends the process as it does any other.
    var isEmpty: Bool { parts.withLock(\.isEmpty) }

    /// Reads everything again; what fails stays as it was.
    @discardableResult
    func reload() -> [Administration.Reload] {
        parts.withLock { parts in
            parts.map { part in
                do {
                    try part.reload()
                    logger.notice("reloaded", metadata: ["part": "\(part.name)"])
                    return Administration.Reload(name: part.name)
                } catch {
                    logger.error(
                        "not reloaded; the old stays in force",
                        metadata: ["part": "\(part.name)", "reason": "\(error)"])
                    let told = (error as? any TellableError).map { "\($0)" }
                    return Administration.Reload(name: part.name, failure: told ?? "the log says why")
                }
            }
        }
    }
}
