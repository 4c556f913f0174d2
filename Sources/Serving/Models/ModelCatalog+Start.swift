import FlowModels
import Glibc
import Metrics
import Synchronization

/// The models that there are at the start.
extension ModelCatalog {
    /// Reads all models, which must all be sound, and serves them.
    /// - Parameter defaultName: name of the default model, which without a version is the highest; nil for that of the first place.
    /// - Returns: the models, the default first.
    /// - Throws: ``ModelExchangeError``, whose files are places; ``ServingError``; what else sources throw.
    package func start(default defaultName: String? = nil) async throws -> [LoadedModel] {
        try await inTurn { try await self.startAll(defaultName) }
    }

    private func startAll(_ defaultName: String?) async throws -> [LoadedModel] {
        let sources = sources
        let read = try await reader.run {
            var read: [(entry: Entry, density: any ImageDensity)] = []
            for source in try sources() {
                var entry = Entry(source: source, stamp: source.stamp(), isTried: true)
                let used = read.reduce(0) { $0 + $1.density.memoryBytes }
                do {
                    let density = try source.read { record, need in
                        let name = source.servedName(of: record)
                        if let first = read.first(where: { $0.entry.name == name }) {
                            throw ModelExchangeError.failed(
                                file: source.place,
                                reason: "its model is called \(name), as is that of \(first.entry.source.place)")
                        }
                        entry.name = name
                        try self.checkMemory(need, beside: used, for: source.place)
                    }
                    // What the weights are kept in besides is known now.
                    try self.checkMemory(density.memoryBytes, beside: used, for: source.place)
                    read.append((entry, density))
                } catch let error as ModelExchangeError {
                    throw error
                } catch {
                    throw ModelExchangeError.failed(file: source.place, reason: "\(error)")
                }
            }
            return read
        }
        let named = read.compactMap { one in one.entry.name.map { (name: $0, density: one.density) } }
        let names = named.compactMap { ServedName($0.name) }
        if let defaultName, !names.contains(where: { "\($0)" == defaultName || $0.base == defaultName }) {
            throw ModelExchangeError.unknown(defaultName)
        }
        // A later version of the default takes its place, but for a default of one version.
        if let name = defaultName ?? names.first?.base { service.registry.setDefault(name) }
        try await service.load(named, drift: drift())
        loads[Outcome.completed.rawValue].add(read.count)
        state.withLock { entries in
            entries = read.map { entry, _ in
                var entry = entry
                entry.loaded = time(nil)
                return entry
            }
        }
        return service.registry.served
    }
}
