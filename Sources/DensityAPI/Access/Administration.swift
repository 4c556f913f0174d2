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

    /// What the server is at.
    public struct Status: Sendable {
        public var connections: Int
        public var maxConnections: Int
        public var requests: Int
        /// Least severity of what is logged.
        public var logLevel: Logger.Level
        /// Since the start.
        public var droppedLogLines: Int

        public init(connections: Int, maxConnections: Int, requests: Int, logLevel: Logger.Level, droppedLogLines: Int)
        {
            self.connections = connections
            self.maxConnections = maxConnections
            self.requests = requests
            self.logLevel = logLevel
            self.droppedLogLines = droppedLogLines
        }
    }

    /// Reads the files again that can be exchanged while the service runs.
    public var reload: @Sendable () async -> [Reload]
    public var status: @Sendable () -> Status
    public var setLogLevel: @Sendable (Logger.Level) -> Void

    public init(
        reload: @escaping @Sendable () async -> [Reload], status: @escaping @Sendable () -> Status,
        setLogLevel: @escaping @Sendable (Logger.Level) -> Void
    ) {
        self.reload = reload
        self.status = status
        self.setLogLevel = setLogLevel
    }
}
