import ArgumentParser
import DensityAPI
import FlowCore
import FlowModels
import HTTPServer
import HTTPWire
import Logging
import Metrics
import Serving

/// What the options say to the parts of the service.
extension Serve {
    func apiOptions(_ logger: Logger, _ log: LogSink, _ metrics: MetricSet) throws -> APIOptions {
        var options = APIOptions(version: Tusk.version) { logger.error("\($0)") }
        options.metrics = metrics
        options.requestTimeout = .seconds(requestTimeout)
        options.countsByAddress = turnsByAddress
        options.livenessTimeout = .seconds(livenessTimeout)
        options.maxBodyBytes = sizes.maxBody
        images.apply(to: &options)
        latents.apply(to: &options)
        streams.apply(to: &options)
        if contentCoding == .off { options.leastCodedBytes = nil }
        options.browsers = try browsers.rules()
        options.keys = try keys.load()
        if let access = logs.accessLog(to: log) { options.observers.append(access) }
        // else a request of the permitted size could never be taken
        try check("--max-queue-rows", maxQueueRows, in: options.largestRequestRows...16_777_216)
        return options
    }

    func serverConfiguration(_ addresses: ListenArguments.Addresses) throws -> HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration()
        configuration.addresses = addresses.service
        configuration.socketMode = listening.socketMode.bits
        connections.apply(to: &configuration)
        sizes.apply(to: &configuration)
        configuration.tls = try tls.credentials()
        try Descriptors.check(
            maxConnections: configuration.maxConnections,
            metricsConnections: addresses.metrics.isEmpty ? 0 : listening.maxMetricsConnections,
            limit: Descriptors.raiseLimit())
        return configuration
    }

    func administration(
        _ reloading: Reloading, _ catalog: ModelCatalog, _ log: LogSink, keepDrift: @escaping @Sendable () -> Void
    ) -> Administration {
        Administration(
            reload: { await reloading.reload() }, logLevel: { log.level }, setLogLevel: { log.level = $0 },
            keepDrift: keepDrift,
            models: Administration.Models(
                states: { catalog.states }, load: { try await catalog.load($0) },
                unload: { try await catalog.unload($0) }))
    }

    var serviceConfiguration: ServiceConfiguration {
        get throws {
            var configuration = ServiceConfiguration()
            configuration.driftAlarm = try drift.rate()
            configuration.threads = threads
            configuration.maxBatchRows = maxBatchRows
            configuration.maxBatchDelay = .milliseconds(maxBatchDelay)
            configuration.maxQueueRows = maxQueueRows
            configuration.maxBatchTime = .milliseconds(maxBatchTime)
            configuration.patience = .seconds(newestFirstAfter)
            return configuration
        }
    }

    func checkArguments() throws {
        try check("--threads", threads, in: 1...1024)
        try check("--max-batch-rows", maxBatchRows, in: 1...65_536)
        try check("--max-batch-delay", maxBatchDelay, in: 0...60_000)
        try check("--max-batch-time", maxBatchTime, in: 0.1...60_000)
        try check("--newest-first-after", newestFirstAfter, in: 0.001...86_400)
        try check("--request-timeout", requestTimeout, in: 0.001...86_400)
        try check("--release-memory-after", releaseMemoryAfter, in: 0...86_400)
        try check("--liveness-timeout", livenessTimeout, in: 0.001...86_400)
        try models.check()
        try connections.check()
        try sizes.check()
        try images.check()
        try latents.check()
        try streams.check()
        try logs.check()
        try shutdown.check()
    }

    func url(_ address: ListenAddress) -> String {
        address.port == nil ? "\(address)" : "\(tls.tlsCertificate == nil ? "http" : "https")://\(address)"
    }

    /// Line that names the models, the default first.
    func summary(_ models: [LoadedModel]) -> String {
        let lines = models.map(summary).joined(separator: "; ")
        return models.count == 1 ? lines : "\(models.count) models: \(lines)"
    }

    private func summary(_ model: LoadedModel) -> String {
        let record = model.record
        return
            "\(model.name), \(record.architecture), images \(record.eventShape), \(grouped(record.parameterCount)) parameters"
    }
}
