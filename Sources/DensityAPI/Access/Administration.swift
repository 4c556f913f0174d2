public import Logging

/// What the admin routes reach of the program around them.
public struct Administration: Sendable {
    /// What was read again, by name, or why it was not: then what was in force stays so.
    public struct Reload: Sendable {
        public var name: String
        /// Nil when it was read again. Holds nothing of the file, and not its path.
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
    public var setLogLevel: @Sendable (Logger.Level) -> Void

    public init(
        reload: @escaping @Sendable () async -> [Reload], logLevel: @escaping @Sendable () -> Logger.Level,
        setLogLevel: @escaping @Sendable (Logger.Level) -> Void
    ) {
        self.reload = reload
        self.logLevel = logLevel
        self.setLogLevel = setLogLevel
    }
}
