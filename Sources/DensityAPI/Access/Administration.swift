public import Logging

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

    /// Reads the files again that can be exchanged while the service runs.
    public var reload: @Sendable () async -> [Reload]
    /// Least severity of what is logged.
    public var logLevel: @Sendable () -> Logger.Level
    /// Sets the least severity of what is logged from now on.
    public var setLogLevel: @Sendable (Logger.Level) -> Void
    /// Keeps the states of drift for the next start, where they are kept.
    public var keepDrift: @Sendable () -> Void

    public init(
        reload: @escaping @Sendable () async -> [Reload], logLevel: @escaping @Sendable () -> Logger.Level,
        setLogLevel: @escaping @Sendable (Logger.Level) -> Void, keepDrift: @escaping @Sendable () -> Void = {}
    ) {
        self.reload = reload
        self.logLevel = logLevel
        self.setLogLevel = setLogLevel
        self.keepDrift = keepDrift
    }
}
