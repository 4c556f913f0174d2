package import FlowModels
import Glibc
package import Metrics
import Synchronization
import System

/// Files that a service's models are read from: loads, exchanges and unloads them while it runs.
///
/// One thing at a time is done, in the order in which it was asked for, so that budget and names cannot be promised twice. A model is read
/// on a thread of low priority, warmed and tested in the lanes, and only then takes the place of the old one.
package final class ModelCatalog: Sendable {
    /// Something that happened to a model, for the log.
    package enum Event: Sendable {
        case loaded(name: String, file: String)
        case failed(file: String, reason: String)
        case unloaded(name: String, file: String)
        /// The weights were given up until they are needed.
        case rests(name: String)
        /// The weights are there again.
        case woke(name: String)
    }

    struct Entry: Sendable {
        var source: ModelSource
        /// Name that the model that was read of it last is served by.
        var name: String?
        /// State of the file when it was read, or tried, last.
        var stamp: FileStamp?
        var loaded: Int?
        var failure: ModelState.Failure?
        /// Whether it is to be served: not after it was unloaded by name.
        var isWanted = true
        /// Whether the file was tried at all.
        var isTried = false
    }

    let service: DensityService
    let state = Mutex<[Entry]>([])
    let limit: Int
    let reader: HelperPool
    let loads: Labelled<Counter>
    let report: @Sendable (Event) -> Void
    /// Called before a model's generation is given up or exchanged.
    private let keep: @Sendable () -> Void
    /// States of drift of earlier processes.
    let drift: @Sendable () -> [String: [DriftMartingale.State]]
    /// Places that there are now.
    let sources: @Sendable () throws -> [ModelSource]
    /// What is to be done last; what comes next waits for it.
    private let turn = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - memory: most bytes that the models' weights may take, what loading takes among them.
    ///   - sources: lists the places; those that are always there first.
    package init(
        service: DensityService, memory: Int = .max, niceness: Int32 = 0, metrics: MetricSet,
        report: @escaping @Sendable (Event) -> Void = { _ in }, keep: @escaping @Sendable () -> Void = {},
        drift: @escaping @Sendable () -> [String: [DriftMartingale.State]] = { [:] },
        sources: @escaping @Sendable () throws -> [ModelSource]
    ) {
        self.service = service
        limit = memory
        reader = HelperPool(threads: 1, niceness: niceness)
        loads = metrics.counter("model_loads", "Loadings of models, by outcome.", labels: ["outcome"])
        for outcome in Outcome.allCases { _ = loads[outcome.rawValue] }
        self.report = report
        self.keep = keep
        self.drift = drift
        self.sources = sources
        service.loadsWeights { [weak self] model in
            guard let self else { throw ServingError.draining }
            return try await wake(model)
        }
    }

    enum Outcome: String, CaseIterable {
        case completed
        case failed
        case overMemory = "over_memory"
    }

    /// The files and their models, in the order in which they came.
    package var states: [ModelState] {
        let lives = service.registry.lives
        let defaultName = service.registry.served.first?.name
        return state.withLock(\.self).map { entry in
            let found = lives.first { $0.name == entry.name }
            return ModelState(
                name: entry.name, file: entry.source.file, phase: found?.phase ?? .absent,
                incoming: found?.life.incoming.map { incoming in
                    if case .loading = incoming { .loading } else { .testing }
                }, isDefault: entry.name != nil && entry.name == defaultName, loaded: entry.loaded,
                memory: found?.memory ?? 0, leaving: found?.life.leaving.count ?? 0, failure: entry.failure)
        }
    }

    // MARK: - Loading

    /// Loads the model of `source`, and lets it take the place of the one of its name.
    /// - Throws: ``ModelExchangeError``, ``ServingError/draining``.
    func exchange(_ source: ModelSource) async throws {
        let known = state.withLock { entries in
            if let place = entries.firstIndex(where: { $0.source.place == source.place }) { return entries[place] }
            let entry = Entry(source: source)
            entries.append(entry)
            return entry
        }
        let begun = Mutex<(id: LoadedModel.ID, name: String)?>(nil)
        let stamp = await reader.run { source.stamp() }
        do {
            let density = try await reader.run {
                try source.read { record, need in
                    try self.check(record, of: known)
                    try self.checkMemory(need, beside: self.service.registry.memory, for: source.file)
                    let name = source.servedName(of: record)
                    let id = try self.service.registry.begin(name)
                    begun.withLock { $0 = (id, name) }
                }
            }
            // What the weights are kept in besides is known now.
            try checkMemory(density.memoryBytes, beside: service.registry.memory, for: source.file)
            guard let (id, name) = begun.withLock(\.self) else { preconditionFailure("a model was read unasked") }
            keep()
            try await service.admit(density, as: id, drift: drift()[name] ?? [])
            change(source) { entry in
                entry.name = name
                (entry.stamp, entry.isTried, entry.isWanted) = (stamp, true, true)
                (entry.loaded, entry.failure) = (time(nil), nil)
            }
            loads[Outcome.completed.rawValue].add()
            report(.loaded(name: name, file: source.file))
        } catch {
            if let begun = begun.withLock(\.self) { service.registry.failed(begun.id) }
            try noted(error, of: source, stamp)
        }
    }

    /// Refuses a loading that takes more than the limit leaves beside the `used` bytes.
    /// - Throws: ``ModelExchangeError/overMemory(file:need:used:limit:)``.
    func checkMemory(_ need: Int, beside used: Int, for file: String) throws(ModelExchangeError) {
        guard need <= limit - used else {
            throw .overMemory(file: file, need: need, used: used, limit: limit)
        }
    }

    /// - Throws: ``ModelExchangeError`` for a model that cannot take its name.
    private func check(_ record: ModelRecord, of known: Entry) throws {
        let (file, next) = (known.source.file, known.source.servedName(of: record))
        if let name = known.name, name != next, isServed(name) {
            throw ModelExchangeError.failed(
                file: file, reason: "it holds a model called \(next) now, and \(name) is still served")
        }
        let other = state.withLock { entries in
            entries.first { $0.name == next && $0.source.place != known.source.place }
        }
        if let other, isServed(next) {
            throw ModelExchangeError.failed(
                file: file, reason: "its model is called \(next), as is that of \(other.source.file)")
        }
    }

    /// Keeps a failure where it is seen, and throws it as clients are told it.
    func noted(_ error: any Error, of source: ModelSource, _ stamp: FileStamp?) throws {
        if error as? ServingError == .draining { throw error }
        let told: ModelExchangeError
        switch error {
        case let error as ModelExchangeError: told = error
        case ServingError.selfTestFailed(_, let reason), ServingError.badModelSet(let reason):
            told = .failed(file: source.file, reason: reason)
        default: told = .failed(file: source.file, reason: "\(error)")
        }
        let (outcome, reason) =
            switch told {
            case .failed(_, let reason): (Outcome.failed, reason)
            case .overMemory: (Outcome.overMemory, "\(told)")
            case .unknown, .isDefault: (Outcome.failed, "\(told)")
            }
        change(source) { entry in
            (entry.stamp, entry.isTried) = (stamp, true)
            entry.failure = ModelState.Failure(time: time(nil), reason: reason)
        }
        loads[outcome.rawValue].add()
        report(.failed(file: source.file, reason: reason))
        throw told
    }

    /// Takes the model called `name` from service.
    /// - Throws: ``ServingError/unknownModel(_:)``.
    func leave(_ name: String) throws {
        keep()
        try service.registry.leave(name)
        let file = state.withLock { entries in
            guard let place = entries.firstIndex(where: { $0.name == name }) else { return "" }
            entries[place].loaded = nil
            return entries[place].source.file
        }
        report(.unloaded(name: name, file: file))
    }

    func isServed(_ name: String) -> Bool { service.registry.served.contains { $0.name == name } }

    func change(_ source: ModelSource, _ body: (inout Entry) -> Void) {
        state.withLock { entries in
            guard let place = entries.firstIndex(where: { $0.source.place == source.place }) else { return }
            body(&entries[place])
        }
    }

    // MARK: - Turns

    /// The result of `body`, which runs when all is done that was asked for before, whether or not its caller still waits.
    func inTurn<Output: Sendable>(_ body: @escaping @Sendable () async throws -> Output) async throws -> Output {
        let task = turn.withLock { last in
            let before = last
            let task = Task {
                await before?.value
                return try await body()
            }
            last = Task { _ = await task.result }
            return task
        }
        return try await task.value
    }

    /// The result of `body`, run on the thread that reads.
    func reading<Output: Sendable>(_ body: @escaping @Sendable () throws -> Output) async throws -> Output {
        try await reader.run(body)
    }
}
