import FlowModels
import Metrics
import Synchronization

/// Weights that are given up while they are unused.
extension ModelCatalog {
    /// Lets models rest that nobody has used for `idle`, until the task is cancelled.
    /// - Parameter pause: waits for that time.
    package func letRest(after idle: Duration, pause: (Duration) async -> Void) async {
        while !Task.isCancelled {
            await pause(max(.milliseconds(10), min(idle / 4, .seconds(10))))
            // What else is under way ends first, so that the budget is counted once.
            try? await inTurn { self.rest(after: idle) }
        }
    }

    /// Gives up the weights of models that nobody has used for `idle`.
    package func rest(after idle: Duration) {
        for model in service.registry.served where model.weights.rest(after: idle) {
            service.registry.note(memory: 0, of: model.id)
            report(.rests(name: model.name))
        }
    }

    /// Loads the weights of a model that rests again, and tests them. Where its file holds another model by now, that one takes its place
    /// for the requests to come.
    /// - Throws: ``ServingError/rests(_:)``; then why stands where failures are seen.
    func wake(_ model: LoadedModel) async throws -> any ImageDensity {
        try await inTurn {
            let entry = self.state.withLock { entries in entries.first { $0.name == model.name } }
            guard let source = entry?.source else { throw ServingError.rests(model.name) }
            let stamp = await self.reader.run { source.stamp() }
            var isOther = false
            do {
                let density = try await self.reader.run {
                    try source.read { _, need in
                        try self.checkMemory(need, beside: self.service.registry.memory, for: source.file)
                    }
                }
                guard density.record == model.record else {
                    isOther = true
                    throw ServingError.rests(model.name)
                }
                try self.checkMemory(density.memoryBytes, beside: self.service.registry.memory, for: source.file)
                try await self.service.test(density, as: model.name)
                self.service.registry.note(memory: density.memoryBytes, of: model.id)
                self.loads[Outcome.completed.rawValue].add()
                self.change(source) { $0.failure = nil }
                self.report(.woke(name: model.name))
                return density
            } catch {
                if isOther {
                    // It says by itself what goes wrong.
                    try? await self.exchange(source)
                } else {
                    try? self.noted(error, of: source, stamp)
                }
                throw ServingError.rests(model.name)
            }
        }
    }
}
