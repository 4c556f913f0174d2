/// The life of a name's model from its first loading through exchanges to its end: a pure state machine, without I/O, a
/// clock or a lock.
///
///     absent ──begin──▶ loading ──loaded──▶ testing ──passed──▶ serving ──leave──▶ leaving ──released──▶ absent
///                          └─────failed───────┴──▶ absent
///
/// An exchange is the same way for the next generation while another serves: what failed changes nothing for that one,
/// and what passed takes its place. A generation that serves no more is leaving until no request holds it; there can be
/// several.
///
/// Events that do not fit throw ``Refusal`` and change nothing. The caller performs the actions in order.
package struct ModelLifecycle<Generation: Hashable & Sendable>: Hashable, Sendable {
    /// Event that has happened, or is asked for.
    package enum Event: Hashable, Sendable {
        /// A new generation is to be loaded.
        case begin(Generation)
        /// The generation is in memory.
        case loaded(Generation)
        /// The generation computes what its file says.
        case passed(Generation)
        /// The generation could not be loaded, or computes something else than its file says.
        case failed(Generation)
        /// The name is given up, with what serves and what is on its way.
        case leave
        /// Nobody holds a generation that was leaving.
        case released(Generation)
    }

    /// Work that the caller must do.
    package enum Action: Hashable, Sendable {
        /// New requests get this generation from now on.
        case serve(Generation)
        /// New requests get this generation no more, and the caller lets go of it.
        case letGo(Generation)
    }

    /// The event does not fit the state.
    package struct Refusal: Error, Equatable {}

    /// The generation on its way.
    package enum Incoming: Hashable, Sendable {
        case loading(Generation)
        case testing(Generation)

        /// The generation, whichever its stage.
        package var generation: Generation {
            switch self {
            case .loading(let generation), .testing(let generation): generation
            }
        }
    }

    /// Generation that answers requests.
    package private(set) var serving: Generation?
    /// Generation that is to answer requests next.
    package private(set) var incoming: Incoming?
    /// Generations that answer only those who hold them.
    package private(set) var leaving: Set<Generation> = []

    /// The life of a name that no model has yet.
    package init() {}

    /// Phase of the name as a whole; ``ModelPhase/serving`` also while an exchange is under way.
    package var phase: ModelPhase {
        switch (serving, incoming) {
        case (_?, _): .serving
        case (nil, .loading?): .loading
        case (nil, .testing?): .testing
        case (nil, nil): leaving.isEmpty ? .absent : .leaving
        }
    }

    /// Whether `generation` is on its way, serves, or is leaving.
    package func contains(_ generation: Generation) -> Bool {
        serving == generation || incoming?.generation == generation || leaving.contains(generation)
    }

    /// Moves on by `event`.
    /// - Returns: what the caller must do, in order.
    /// - Throws: ``Refusal``; then nothing has changed.
    package mutating func handle(_ event: Event) throws(Refusal) -> [Action] {
        switch event {
        case .begin(let generation):
            guard incoming == nil, !contains(generation) else { throw Refusal() }
            incoming = .loading(generation)
            return []
        case .loaded(let generation):
            guard incoming == .loading(generation) else { throw Refusal() }
            incoming = .testing(generation)
            return []
        case .passed(let generation):
            guard incoming == .testing(generation) else { throw Refusal() }
            incoming = nil
            let old = serving
            serving = generation
            return [.serve(generation)] + letGo(old)
        case .failed(let generation):
            guard let failed = incoming, failed.generation == generation else { throw Refusal() }
            return abandon(failed)
        case .leave:
            guard serving != nil || incoming != nil else { throw Refusal() }
            let old = serving
            serving = nil
            return (incoming.map { abandon($0) } ?? []) + letGo(old)
        case .released(let generation):
            guard leaving.remove(generation) != nil else { throw Refusal() }
            return []
        }
    }

    /// Gives up the generation on its way; before it was loaded there is nothing that anyone could hold.
    private mutating func abandon(_ incoming: Incoming) -> [Action] {
        self.incoming = nil
        guard case .testing(let generation) = incoming else { return [] }
        return letGo(generation)
    }

    private mutating func letGo(_ generation: Generation?) -> [Action] {
        guard let generation else { return [] }
        leaving.insert(generation)
        return [.letGo(generation)]
    }
}

/// Phase of a model's name as a whole.
public enum ModelPhase: String, Hashable, Sendable, CaseIterable {
    case absent
    case loading
    case testing
    case serving
    /// Serves, once its weights, which were unused, are loaded again.
    case resting
    case leaving
}
