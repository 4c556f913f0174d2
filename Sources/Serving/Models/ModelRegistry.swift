package import FlowModels
import Synchronization

/// Owner of what each name stands for, and of whether new requests are answered at all.
///
/// Loading and testing are its callers' work, which report each step of a generation here: ``begin(_:)``,
/// ``loaded(_:as:)``, then ``passed(_:)`` or ``failed(_:)``. Requests take a ``ModelSet``, and hold a model of it for as
/// long as they need one; the registry hears of it when the last holder lets go.
package final class ModelRegistry: Sendable {
    /// Whether new requests are answered.
    private enum Access {
        /// New requests are not answered yet.
        case opening
        case open
        /// New requests are answered, and load balancers are told that they will not be for long.
        case leaving
        case closed
    }

    private typealias Life = ModelLifecycle<LoadedModel.ID>

    private struct State {
        var access = Access.opening
        /// Names that are not absent, in the order in which they were begun.
        var names: [String] = []
        var lives: [String: Life] = [:]
        /// Generations that are tested or serve.
        var held: [LoadedModel.ID: LoadedModel] = [:]
        /// Bytes of the generations that somebody holds, those that are leaving among them.
        var memory: [LoadedModel.ID: Int] = [:]
        /// Models that serve; nil when none does.
        var served: ModelSet?
        /// Name of the default model, with its version or without; nil for the model that was begun first.
        var defaultName: String?

        /// The name that a generation is of; nil when it never began, or has left.
        func name(of id: LoadedModel.ID) -> String? { names.first { lives[$0]?.contains(id) == true } }

        mutating func handle(_ event: Life.Event, of name: String) throws(Life.Refusal) {
            var life = lives[name] ?? Life()
            let actions = try life.handle(event)
            for case .letGo(let id) in actions { held[id] = nil }
            if lives[name] == nil { names.append(name) }
            lives[name] = life
            if life.phase == .absent {
                lives[name] = nil
                names.removeAll { $0 == name }
            }
            guard !actions.isEmpty else { return }
            choose()
        }

        /// Finds the models that serve, and the default among them.
        mutating func choose() {
            served = ModelSet(names.compactMap { lives[$0]?.serving.flatMap { held[$0] } }, default: defaultName)
        }

        mutating func report(_ event: Life.Event, of name: String) throws(ServingError) {
            do throws(Life.Refusal) { try handle(event, of: name) } catch {
                throw .badModelSet(reason: "\(name) was given up while it was being loaded")
            }
        }

        /// Handles an event, or passes over one that does not fit any more.
        mutating func note(_ event: Life.Event, of name: String?) {
            if let name { try? handle(event, of: name) }
        }
    }

    private let state = Mutex(State())

    private let whenAbsent: @Sendable (String) -> Void

    /// A registry without names, which answers no requests yet.
    /// - Parameter whenAbsent: called under the registry's lock once nothing is left of a name; must not wait, nor ask the registry.
    package init(whenAbsent: @escaping @Sendable (String) -> Void = { _ in }) { self.whenAbsent = whenAbsent }

    // MARK: - What is served

    /// Models that answer requests.
    /// - Throws: ``ServingError/loading`` before ``open()``, ``ServingError/draining`` after ``close()``.
    package var models: ModelSet {
        get throws(ServingError) { try models { $0 == .open || $0 == .leaving } }
    }

    /// Models to which load balancers should send requests.
    /// - Throws: ``ServingError/loading`` before ``open()``, ``ServingError/draining`` after ``failReadiness()`` or ``close()``.
    package var modelsIfReady: ModelSet {
        get throws(ServingError) { try models { $0 == .open } }
    }

    /// Models that serve, whether or not new requests are answered.
    package var served: [LoadedModel] { state.withLock { $0.served?.models ?? [] } }

    /// Makes the model called `name` the default; without its version that is the highest there is at each moment.
    package func setDefault(_ name: String) {
        change { state in
            state.defaultName = name
            state.choose()
        }
    }

    /// Whether without the models called `names` none would be left that answers where no model is named.
    package func needs(_ names: Set<String>) -> Bool {
        state.withLock { state in
            guard let served = state.served, names.contains(served.defaultModel.name) else { return false }
            let others = ModelSet.byName(served.models.filter { !names.contains($0.name) })
            return state.defaultName.map { others[$0] == nil } ?? true
        }
    }

    /// The model that serves as `name`, whether or not new requests are answered.
    /// - Throws: ``ServingError/unknownModel(_:)``.
    package func servedModel(named name: String) throws(ServingError) -> LoadedModel {
        guard let served = state.withLock(\.served) else { throw .unknownModel(name) }
        return try served.model(named: name)
    }

    private func models(_ isOpen: (Access) -> Bool) throws(ServingError) -> ModelSet {
        let (access, served) = state.withLock { ($0.access, $0.served) }
        guard access != .opening else { throw .loading }
        guard isOpen(access) else { throw .draining }
        guard let served else { throw .loading }
        return served
    }

    /// Answers new requests from now on, unless they were refused for good before.
    package func open() {
        change { state in
            if state.access == .opening { state.access = .open }
        }
    }

    /// Ends readiness, but answers those who come all the same; what was never open is closed.
    package func failReadiness() {
        change { state in
            switch state.access {
            case .opening: state.access = .closed
            case .open: state.access = .leaving
            case .leaving, .closed: break
            }
        }
    }

    /// Refuses new requests for good.
    package func close() {
        change { $0.access = .closed }
    }

    // MARK: - Lives

    /// Begins a generation of `name`: the first, or one that is to take the place of what serves.
    /// - Throws: ``ServingError/badModelSet(reason:)`` when another is on its way; ``ServingError/draining`` after ``close()``.
    package func begin(_ name: String) throws(ServingError) -> LoadedModel.ID {
        let id = LoadedModel.ID.next()
        try change { state throws(ServingError) in
            guard state.access != .closed else { throw .draining }
            do throws(Life.Refusal) { try state.handle(.begin(id), of: name) } catch {
                throw .badModelSet(reason: "a model called \(name) is being loaded already")
            }
        }
        return id
    }

    /// Name that a generation was begun for.
    /// - Throws: ``ServingError/badModelSet(reason:)`` when the name was given up meanwhile.
    package func name(of id: LoadedModel.ID) throws(ServingError) -> String {
        guard let name = state.withLock({ $0.name(of: id) }) else {
            throw .badModelSet(reason: "the model was given up while it was being loaded")
        }
        return name
    }

    /// Notes that a generation is in memory, and is to be tested.
    /// - Throws: ``ServingError/badModelSet(reason:)`` when the name was given up meanwhile.
    package func loaded(
        _ density: any ImageDensity, as id: LoadedModel.ID, drift: DriftMonitor? = nil
    ) throws(ServingError) -> LoadedModel {
        let name = try name(of: id)
        let model = LoadedModel(density, id: id, name: name, drift: drift) { [weak self] in self?.released($0) }
        try change { state throws(ServingError) in
            try state.report(.loaded(id), of: name)
            state.held[id] = model
            state.memory[id] = density.memoryBytes
        }
        return model
    }

    /// Notes that a generation has passed its test: it serves, in the place of what did.
    /// - Throws: ``ServingError/badModelSet(reason:)`` when the generation's name was given up meanwhile.
    package func passed(_ model: LoadedModel) throws(ServingError) {
        try change { state throws(ServingError) in try state.report(.passed(model.id), of: model.name) }
    }

    /// Notes that a generation does not come; what serves goes on. Does nothing when its name was given up meanwhile.
    package func failed(_ id: LoadedModel.ID) {
        change { state in state.note(.failed(id), of: state.name(of: id)) }
    }

    /// Gives `name` up, with what is on its way: requests that hold its model go on, and no other gets it.
    /// - Throws: ``ServingError/unknownModel(_:)`` when there is nothing to give up.
    package func leave(_ name: String) throws(ServingError) {
        try change { state throws(ServingError) in
            do throws(Life.Refusal) { try state.handle(.leave, of: name) } catch { throw .unknownModel(name) }
        }
    }

    /// Gives every name up: requests that hold a model go on, and no other gets one.
    package func leaveAll() {
        change { state in
            for name in state.names { state.note(.leave, of: name) }
        }
    }

    /// Names that are not absent, each with its life, its phase and the bytes that its generations take.
    package var lives: [(name: String, life: ModelLifecycle<LoadedModel.ID>, phase: ModelPhase, memory: Int)] {
        let state = state.withLock(\.self)
        return state.names.compactMap { name in
            state.lives[name].map { life in
                let rests = life.serving.flatMap { state.held[$0] }?.weights.rest == true
                return (
                    name, life, rests ? .resting : life.phase,
                    state.memory.reduce(0) { life.contains($1.key) ? $0 + $1.value : $0 }
                )
            }
        }
    }

    /// Bytes that the weights of all generations take that somebody holds.
    package var memory: Int { state.withLock { $0.memory.values.reduce(0, +) } }

    /// Notes that the weights of a generation that somebody holds take as many bytes now.
    func note(memory: Int, of id: LoadedModel.ID) {
        state.withLock { state in
            if state.memory[id] != nil { state.memory[id] = memory }
        }
    }

    /// The life of `name` as it is now.
    package func life(of name: String) -> ModelLifecycle<LoadedModel.ID> {
        state.withLock { $0.lives[name] ?? ModelLifecycle() }
    }

    /// Notes that nobody holds a generation any more; one that was loaded too late was never known here.
    private func released(_ id: LoadedModel.ID) {
        change { state in
            state.memory[id] = nil
            state.note(.released(id), of: state.name(of: id))
        }
    }

    /// Changes the state by `body`. What that lets go of is freed when the lock is free again: a model whose last holder was
    /// here comes back by ``released(_:)``.
    private func change<Failure: Error>(_ body: (inout State) throws(Failure) -> Void) throws(Failure) {
        let (before, result) = state.withLock { state in
            let before = state
            let result = Result { () throws(Failure) in try body(&state) }
            // Here, since a new generation of the name may begin at once.
            for name in before.names where state.lives[name] == nil { whenAbsent(name) }
            return (before, result)
        }
        withExtendedLifetime(before) {}
        try result.get()
    }
}
