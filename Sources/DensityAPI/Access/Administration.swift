public import Logging
public import Serving

/// Parts of the program around the admin routes that these reach.
public struct Administration: Sendable {
    /// Outcome of reading one thing again; what could not be read leaves in force what was.
    public struct Reload: Sendable {
        /// Name of the thing, such as `keys`.
        public var name: String
        /// Why the thing was not read again; nil when it was. Holds nothing of the file, and not its path.
        public var failure: String?

        public init(name: String, failure: String? = nil) {
            self.name = name
            self.failure = failure
        }
    }

    /// What administrators do with models.
    public struct Models: Sendable {
        /// The models' files, and what became of them.
        public var states: @Sendable () -> [ModelState]
        /// Reads the model of that name again, or for the first time. Throws ``ModelExchangeError`` and ``ServingError``.
        public var load: @Sendable (String) async throws -> ModelState
        /// Takes the model of that name from service. Throws ``ModelExchangeError`` and ``ServingError``.
        public var unload: @Sendable (String) async throws -> Void

        public init(
            states: @escaping @Sendable () -> [ModelState],
            load: @escaping @Sendable (String) async throws -> ModelState,
            unload: @escaping @Sendable (String) async throws -> Void
        ) {
            self.states = states
            self.load = load
            self.unload = unload
        }

        /// Of a service whose models are of no files.
        public static let none = Models(
            states: { [] }, load: { throw ModelExchangeError.unknown($0) },
            unload: { throw ModelExchangeError.unknown($0) })
    }

    /// Reads the files again that can be exchanged while the service runs.
    public var reload: @Sendable () async -> [Reload]
    /// Least severity of what is logged.
    public var logLevel: @Sendable () -> Logger.Level
    /// Sets the least severity of what is logged from now on.
    public var setLogLevel: @Sendable (Logger.Level) -> Void
    /// Keeps the states of drift for the next start, where they are kept.
    public var keepDrift: @Sendable () -> Void
    public var models: Models

    public init(
        reload: @escaping @Sendable () async -> [Reload], logLevel: @escaping @Sendable () -> Logger.Level,
        setLogLevel: @escaping @Sendable (Logger.Level) -> Void, keepDrift: @escaping @Sendable () -> Void = {},
        models: Models = .none
    ) {
        self.reload = reload
        self.logLevel = logLevel
        self.setLogLevel = setLogLevel
        self.keepDrift = keepDrift
        self.models = models
    }
}
