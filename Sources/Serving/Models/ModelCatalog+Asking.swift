import Glibc
import Synchronization
package import System

/// What administrators, signals and watches ask of the catalog.
extension ModelCatalog {
    /// Reads the file of the model called `name` again, or that of a model that is not served yet; of a name with versions all of them, of
    /// which one that fails holds up no other.
    /// - Returns: the state of the model; of several that of the highest version.
    /// - Throws: ``ModelExchangeError``, of several files that of the first; ``ServingError/draining``.
    package func load(_ name: String) async throws -> ModelState {
        try await inTurn {
            var failure: ModelExchangeError?
            for source in try await self.sources(of: name) {
                do { try await self.exchange(source) } catch let error as ModelExchangeError {
                    failure = failure ?? error
                }
            }
            if let failure { throw failure }
            let served = try? self.service.registry.servedModel(named: name)
            guard let served, let state = self.states.first(where: { $0.name == served.name }) else {
                throw ModelExchangeError.unknown(name)
            }
            return state
        }
    }

    /// Takes the model called `name` from service, of a name with versions all of them; requests that it has begun to answer it answers to
    /// their end.
    /// - Throws: ``ModelExchangeError/isDefault(_:)``, ``ServingError/unknownModel(_:)``.
    package func unload(_ name: String) async throws {
        try await inTurn {
            let served = self.service.registry.served
            let exact = served.filter { $0.name == name }
            let names = Set((exact.isEmpty ? served.filter { $0.base == name } : exact).map(\.name))
            guard !names.isEmpty else { throw ServingError.unknownModel(name) }
            guard !self.service.registry.needs(names) else { throw ModelExchangeError.isDefault(name) }
            for name in names.sorted() { try self.leave(name) }
            self.state.withLock { entries in
                for place in entries.indices where entries[place].name.map(names.contains) == true {
                    entries[place].isWanted = false
                }
            }
        }
    }

    /// Loads what has changed, what is new, and what failed; unloads models whose files are gone.
    /// - Returns: what went wrong, in words without a path.
    package func refresh() async throws -> [String] {
        try await inTurn {
            try await self.refreshAll(
                isDue: { entry, stamp in !entry.isTried || entry.failure != nil || entry.stamp != stamp },
                isGone: { _ in true })
        }
    }

    /// Looks every `interval` for changes, until the task is cancelled. A file counts as changed once it was found twice as it is, so that
    /// one that is still being written is left alone.
    /// - Parameter pause: waits for that time.
    package func watch(every interval: Duration, pause: (Duration) async -> Void) async {
        var seen: [String: FileStamp?] = [:]
        while !Task.isCancelled {
            await pause(interval)
            let before = seen
            // What goes wrong is where failures are seen.
            if let found = try? await self.look(before) { seen = found }
        }
    }

    /// Loads what has changed since it was tried last and is as `before` has it.
    /// - Returns: the states of the files now, by their places.
    package func look(_ before: [String: FileStamp?]) async throws -> [String: FileStamp?] {
        try await inTurn {
            let now = try await self.reading {
                Dictionary(try self.sources().map { ($0.place, $0.stamp()) }) { first, _ in first }
            }
            _ = try await self.refreshAll(
                isDue: { entry, stamp in
                    let isSettled =
                        before[entry.source.place] == .some(stamp) && now[entry.source.place] == .some(stamp)
                    return isSettled && (!entry.isTried || entry.stamp != stamp)
                }, isGone: { entry in !before.isEmpty && before[entry.source.place] == nil })
            return now
        }
    }

    private func refreshAll(
        isDue: @escaping @Sendable (Entry, FileStamp?) -> Bool, isGone: @escaping @Sendable (Entry) -> Bool
    ) async throws -> [String] {
        let found = try await reading { try self.sources().map { ($0, $0.stamp()) } }
        var failures: [String] = []
        let known = state.withLock(\.self)
        for entry in known where !found.contains(where: { $0.0.place == entry.source.place }) && isGone(entry) {
            if let failure = try giveUp(entry) { failures.append("\(failure)") }
        }
        for (source, stamp) in found {
            let entry = known.first { $0.source.place == source.place } ?? Entry(source: source)
            guard entry.isWanted, isDue(entry, stamp) else { continue }
            do {
                try await exchange(source)
            } catch let error as ModelExchangeError {
                failures.append("\(error)")
            }
        }
        return failures
    }

    /// Unloads the model of a file that is gone.
    /// - Returns: why it is not, where it is the default.
    private func giveUp(_ entry: Entry) throws -> ModelExchangeError? {
        guard let name = entry.name, isServed(name) else {
            state.withLock { $0.removeAll { $0.source.place == entry.source.place } }
            return nil
        }
        guard !service.registry.needs([name]) else {
            let reason = "the file is gone; its model is the default, which is not unloaded"
            change(entry.source) { $0.failure = ModelState.Failure(time: Glibc.time(nil), reason: reason) }
            return .failed(file: entry.source.file, reason: reason)
        }
        try leave(name)
        state.withLock { $0.removeAll { $0.source.place == entry.source.place } }
        return nil
    }

    /// The places of the model called `name`: the one that it was read from last; those of its versions; or one of which no model is
    /// served, whose name is read.
    /// - Throws: ``ModelExchangeError``.
    private func sources(of name: String) async throws -> [ModelSource] {
        let entries = state.withLock(\.self)
        let sources = try await reading { try self.sources() }
        func isTaken(_ source: ModelSource) -> Bool {
            entries.contains { $0.source.place == source.place && $0.name.map(isServed) == true }
        }
        if let known = entries.first(where: { $0.name == name && isServed(name) }) { return [known.source] }
        let versions = sources.filter { $0.given?.version != nil && $0.given?.base == name }
        if !versions.isEmpty { return versions }
        let free = sources.filter { !isTaken($0) }
        let found = try await reading { () -> ModelSource? in
            if let named = free.first(where: { $0.file == name + ".safetensors" }) {
                // Also one that cannot be read: then loading it says why.
                guard let held = try? named.servedName(), held != name else { return named }
            }
            return free.first { (try? $0.servedName()) == name }
        }
        guard let found else { throw ModelExchangeError.unknown(name) }
        return [found]
    }
}
