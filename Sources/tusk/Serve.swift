import ArgumentParser
import DensityAPI
import Dispatch
import FlowModels
import Glibc
import HTTPServer
import HTTPWire
import Logging
import Serving

/// `tusk serve`: the HTTP service.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answers for a model over HTTP: POST /logprob, GET /sample.",
        discussion:
            "The contract is at /openapi.yaml of the running service. Ctrl-C or SIGTERM lets requests that have "
            + "begun finish; a second one ends at once.")

    @OptionGroup var model: ModelArguments
    @OptionGroup var weights: PrecisionArguments
    @OptionGroup var tls: TLSArguments

    @Option(help: "Address or name to listen on; 0.0.0.0 for all of this machine's.")
    var host = HTTPServerConfiguration().host

    @Option(help: "Port to listen on; 0 for any free one.")
    var port = HTTPServerConfiguration().port

    @Option(help: ArgumentHelp("Worker threads of each lane.", valueName: "n"))
    var threads = ServiceConfiguration().threads

    @Option(help: ArgumentHelp("Images that are computed together, at most.", valueName: "n"))
    var maxBatchRows = ServiceConfiguration().maxBatchRows

    @Option(
        help: ArgumentHelp(
            "How long a batch that is not full waits for more images although a thread is free.", valueName: "ms"))
    var maxBatchDelay = 0.0

    @Option(help: ArgumentHelp("Images that may wait in each lane; more are refused with 429.", valueName: "n"))
    var maxQueueRows = ServiceConfiguration().maxQueueRows

    @Option(help: ArgumentHelp("How long a request may wait for its images to be computed.", valueName: "s"))
    var requestTimeout = 30.0

    @OptionGroup(title: "Connections and time") var connections: ConnectionLimitArguments

    @OptionGroup(title: "Sizes") var sizes: SizeLimitArguments

    @OptionGroup(title: "Web pages") var browsers: BrowserArguments

    @Option(help: ArgumentHelp("How long requests may go on after SIGTERM.", valueName: "s"))
    var grace = 20.0

    func run() async throws {
        let start = ContinuousClock.now
        try checkArguments()
        let interruption = Interruption()
        let logger = Logger(label: "tusk") { StreamLogHandler.standardError(label: $0) }
        let service = DensityService(configuration: serviceConfiguration)
        var options = APIOptions(version: Tusk.version) { logger.error("\($0)") }
        options.requestTimeout = .seconds(requestTimeout)
        options.maxBodyBytes = sizes.maxBody
        options.browsers = try browsers.rules()
        // else a request of the permitted size could never be taken
        try check("--max-queue-rows", maxQueueRows, in: options.largestRequestRows...16_777_216)
        let helpers = HelperPool(threads: threads)
        let api = DensityAPI(service: service, openAPI: Embedded.openAPI, options: options, helpers: helpers)
        var configuration = HTTPServerConfiguration()
        configuration.host = host
        configuration.port = port
        connections.apply(to: &configuration)
        sizes.apply(to: &configuration.limits)
        configuration.tls = try tls.credentials()
        let server = HTTPServer(configuration: configuration, handler: api, logger: logger)

        // Probes are answered while the model is being loaded, and a port in use is known before.
        let address: (host: String, port: Int)
        do {
            address = try server.start()
        } catch {
            throw CommandError("\(error)")
        }
        Terminal.line("tusk \(Tusk.version) listens on \(url(address))")
        do {
            let density = try await helpers.run { [model, weights] in try model.load(weights.precision) }
            try await service.load([density])
            let milliseconds = start.duration(to: .now) / .milliseconds(1)
            Terminal.line("ready after \(fixed(milliseconds, 0)) ms: \(summary(density.record)), \(weights.precision)")
        } catch {
            await server.stop(grace: .zero)
            throw error
        }

        // Without TLS there is nothing to read again, and SIGHUP ends the process as it does any other.
        let reload = configuration.tls.map { _ in HangUp { reloadTLS(of: server, logger) } }
        await interruption.wait()
        withExtendedLifetime(reload) {}
        Terminal.line("finishing the requests that have begun")
        async let drained: Void = service.drain()
        await server.stop(grace: .seconds(grace))
        await drained
    }

    private var serviceConfiguration: ServiceConfiguration {
        var configuration = ServiceConfiguration()
        configuration.threads = threads
        configuration.maxBatchRows = maxBatchRows
        configuration.maxBatchDelay = .milliseconds(maxBatchDelay)
        configuration.maxQueueRows = maxQueueRows
        return configuration
    }

    private func checkArguments() throws {
        try check("--port", port, in: 0...65_535)
        try check("--threads", threads, in: 1...1024)
        try check("--max-batch-rows", maxBatchRows, in: 1...65_536)
        try check("--max-batch-delay", maxBatchDelay, in: 0...60_000)
        try check("--request-timeout", requestTimeout, in: 0.001...86_400)
        try connections.check()
        try sizes.check()
        try check("--grace", grace, in: 0...86_400)
    }

    private func url(_ address: (host: String, port: Int)) -> String {
        let scheme = tls.tlsCertificate == nil ? "http" : "https"
        return address.host.contains(":")
            ? "\(scheme)://[\(address.host)]:\(address.port)" : "\(scheme)://\(address.host):\(address.port)"
    }

    private func summary(_ record: ModelRecord) -> String {
        let shape = record.eventShape
        return "\(record.name), \(record.architecture), images \(shape.width)x\(shape.height)x\(shape.channels), "
            + "\(grouped(record.parameterCount)) parameters"
    }
}

private func reloadTLS(of server: HTTPServer, _ logger: Logger) {
    do throws(TLSError) {
        try server.reloadTLS()
    } catch {
        logger.error("the TLS certificate stays as it was: \(error)")
    }
}
