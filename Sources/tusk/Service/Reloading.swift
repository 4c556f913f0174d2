import DensityAPI
import Logging
import Serving
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
    /// Models that are exchanged with the rest, after it.
    private let models = Mutex<ModelCatalog?>(nil)
    private let logger: Logger

    init(logger: Logger) {
        parts = Mutex([])
        self.logger = logger
    }

    func add(_ part: Part) {
        parts.withLock { $0.append(part) }
    }

    /// Exchanges the models of `catalog` from now on too.
    func exchange(_ catalog: ModelCatalog) { models.withLock { $0 = catalog } }

    /// Whether there is nothing to read again; then SIGHUP ends the process as it does any other.
    var isEmpty: Bool { parts.withLock(\.isEmpty) }

    /// Reads everything again; what fails stays as it was.
    @discardableResult
    func reload() async -> [Administration.Reload] {
        let parts = reloadParts()
        guard let catalog = models.withLock(\.self) else { return parts }
        do {
            let failures = try await catalog.refresh()
            return parts + [
                Administration.Reload(
                    name: "models", failure: failures.isEmpty ? nil : failures.joined(separator: "; "))
            ]
        } catch {
            logger.error("models are not looked at", metadata: ["reason": "\(error)"])
            let told = (error as? ModelExchangeError).map { "\($0)" }
            return parts + [Administration.Reload(name: "models", failure: told ?? "the log says why")]
        }
    }

    private func reloadParts() -> [Administration.Reload] {
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

extension Logger {
    /// Logs what happened to a model.
    func report(_ event: ModelCatalog.Event) {
        switch event {
        case .loaded(let name, let file): notice("model loaded", metadata: ["model": "\(name)", "file": "\(file)"])
        case .failed(let file, let reason):
            error("model not loaded; what was served still is", metadata: ["file": "\(file)", "reason": "\(reason)"])
        case .unloaded(let name, let file): notice("model unloaded", metadata: ["model": "\(name)", "file": "\(file)"])
        case .rests(let name): notice("model rests until it is asked for", metadata: ["model": "\(name)"])
        case .woke(let name): notice("model loaded again, since it was asked for", metadata: ["model": "\(name)"])
        }
    }
}
