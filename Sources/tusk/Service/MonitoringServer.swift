import DensityAPI
import HTTPServer
import Logging
import Metrics

/// The listener of `--metrics-listen`: a server of its own, whose connections, thread and limits no client of the service has a part in.
struct MonitoringServer {
    private let server: HTTPServer

    /// Time that scrapes have to end at the end of the service.
    private static let grace = Duration.milliseconds(200)

    /// - Parameters:
    ///   - service: configuration of the service's own listeners, whose limits of a request hold here too.
    ///   - metrics: set in which its connections are declared, apart from those of the service.
    init(
        _ api: DensityAPI, addresses: [ListenAddress], maxConnections: Int, like service: HTTPServerConfiguration,
        metrics: MetricSet, logger: Logger
    ) {
        var configuration = service
        configuration.addresses = addresses
        configuration.tls = nil
        configuration.maxConnections = maxConnections
        configuration.maxConnectionsPerClient = 0
        configuration.ioQueues = 1
        let own = MetricSet()
        metrics.declare("metrics_connections", "Open connections of --metrics-listen.", .gauge) {
            own["connections"] ?? 0
        }
        server = HTTPServer(
            configuration: configuration, handler: api.monitoring, metrics: own, logger: logger)
    }

    /// Listens from now on.
    /// - Returns: the addresses in use.
    /// - Throws: ``HTTPListenError``.
    func start() throws(HTTPListenError) -> [ListenAddress] { try server.start() }

    /// Returns once its threads have shown that none of them hangs.
    func passQueues() async { await server.passQueues() }

    /// Ends it; a scrape that has begun has a moment to end.
    func stop() async { await server.stop(grace: Self.grace) }
}
