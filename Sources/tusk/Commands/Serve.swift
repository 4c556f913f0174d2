import ArgumentParser
import DensityAPI
import Dispatch
import FlowCore
import FlowKernels
import FlowModels
import Glibc
import HTTPServer
import HTTPWire
import Logging
import Metrics
import Serving

/// `tusk serve`: the HTTP service.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answers for models over HTTP: POST /logprob, GET /sample.",
        discussion:
            "The contract is at /openapi.yaml of the running service. Ctrl-C or SIGTERM lets requests that have "
            + "begun finish; a second one ends at once. SIGHUP reads key file, certificate and changed models again. "
            + "What it ends with: docs/guide/lifecycle.md.")

    @OptionGroup var models: ServedModelArguments
    @OptionGroup var weights: PrecisionArguments
    @OptionGroup var tls: TLSArguments

    @OptionGroup(title: "Keys") var keys: KeyArguments

    @OptionGroup(title: "Log") var logs: LogArguments

    @OptionGroup var listening: ListenArguments
    @OptionGroup var shutdown: ShutdownArguments

    @Option(help: ArgumentHelp("Worker threads of each lane.", valueName: "n"))
    var threads = ServiceConfiguration().threads

    @Option(help: ArgumentHelp("Images that are computed together, at most.", valueName: "n"))
    var maxBatchRows = ServiceConfiguration().maxBatchRows

    @Option(
        help: ArgumentHelp(
            "How long a batch that is not full waits for more images although a thread is free.", valueName: "ms"))
    var maxBatchDelay = 0.0

    @Option(
        help: ArgumentHelp(
            "Time of a thread that a batch takes by its measured cost, at most, but for a single image.",
            valueName: "ms"))
    var maxBatchTime = 50.0

    @Option(
        help: ArgumentHelp(
            "Wait of the oldest request from which on the newest is served first, but for those that name a time limit.",
            valueName: "s"))
    var newestFirstAfter = 1.0

    @Option(help: ArgumentHelp("Images that may wait in each lane; more are refused with 429.", valueName: "n"))
    var maxQueueRows = ServiceConfiguration().maxQueueRows

    @Option(
        help: ArgumentHelp(
            "Time limit of a request, from its arrival until all its images are computed. What cannot be done by then, by its "
                + "measured cost, is refused with 429 at once. A client may ask for less by X-Request-Timeout-Ms.",
            valueName: "s"))
    var requestTimeout = 30.0

    @Flag(
        help: ArgumentHelp(
            "Connections of one address take turns as one caller, not each by itself; holders of a key always do."))
    var turnsByAddress = false
    @Option(
        help: ArgumentHelp(
            "How long work may run without any of it ending, until /health/live answers 503.", valueName: "s"))
    var livenessTimeout = APIOptions(version: "") { _ in }.livenessTimeout / .seconds(1)

    @Option(
        help: ArgumentHelp(
            "How long there must be no request until freed memory is given back to the system; 0 to keep it.",
            valueName: "s"))
    var releaseMemoryAfter = 2.0

    @OptionGroup(title: "Connections and time") var connections: ConnectionLimitArguments

    @OptionGroup(title: "Sizes") var sizes: SizeLimitArguments

    @OptionGroup(title: "Images of requests") var images: DecodingArguments

    @OptionGroup(title: "Drift") var drift: DriftArguments

    @OptionGroup(title: "Interpolations and completions") var latents: LatentArguments
    @OptionGroup(title: "Bodies of lines") var streams: StreamArguments

    @Option(help: "Answers are gzip or deflate where a client takes them and it pays: on or off.")
    var contentCoding = Switch.on

    @OptionGroup(title: "Web pages") var browsers: BrowserArguments

    func run() async throws {
        let hangUp = HangUp()
        // A reader of our output that goes away shall not take the service with it.
        _ = signal(SIGPIPE, SIG_IGN)
        if releaseMemoryAfter > 0 { returnLargeMemory() }
        let executor = ServiceExecutor()
        let output = ServiceOutput()
        defer { output.flush(timeout: Ending.lastWords) }
        do {
            try await withTaskExecutorPreference(executor) { try await serve(hangUp, executor, output) }
        } catch let failure as ServiceFailure {
            output.complain(failure.message)
            throw ExitCode(failure.status.rawValue)
        } catch {
            // Not left to the argument parser, which would wait for the reader.
            output.complain(Self.message(for: error))
            throw Self.exitCode(for: error)
        }
    }

    private func serve(_ hangUp: HangUp, _ executor: ServiceExecutor, _ output: ServiceOutput) async throws {
        let start = ContinuousClock.now
        try checkArguments()
        enum Event { case ready(String), failed(any Error), endRequested }
        let (events, event) = AsyncStream<Event>.makeStream()
        let interruption = Interruption { event.yield(.endRequested) }
        let metrics = MetricSet()
        ProcessMetrics.declare(in: metrics)
        let log = logs.open(metrics)
        let logger = Logger(label: "tusk") { _ in SinkLogHandler(log, metadataProvider: .request) }
        let manager = try ServiceManager()
        @Sendable func notify(_ states: String...) { output.tell(manager, states, logger) }
        // The last lines are those that say why it ended.
        defer { output.flush(log) }
        let queues = HTTPServerConfiguration().ioQueues
        try Resources.check(threads: threads, queues: listening.metricsListen.isEmpty ? queues : queues + 2)
        let driftFile = try drift.open()
        let serving = try serviceConfiguration
        let service = DensityService(configuration: serving, metrics: metrics)
        let liveness = Duration.seconds(livenessTimeout)
        var options = try apiOptions(logger, log, metrics)
        let release = releaseMemoryAfter > 0 ? MemoryRelease(after: .seconds(releaseMemoryAfter), metrics, logger) : nil
        if let release { options.observers.append(release) }
        let reloading = Reloading(logger: logger)
        if let part = keys.reloadable(options.keys) { reloading.add(part) }
        let helpers = HelperPool(threads: threads)
        let catalog = ModelCatalog(
            service: service, memory: models.memoryLimit, niceness: serving.sequentialNiceness, metrics: metrics,
            report: { event in
                logger.report(event)
                release?.workEnded()
            },
            keep: { driftFile?.write(service.driftStates, logger: logger) }, drift: { driftFile?.states ?? [:] },
            sources: models.sources(weights.precision))
        reloading.exchange(catalog)
        let api = DensityAPI(
            service: service, openAPI: Embedded.openAPI, page: browsers.page == .on ? Embedded.page : [],
            options: options,
            administration: administration(reloading, catalog, log) {
                driftFile?.write(service.driftStates, logger: logger)
            }, helpers: helpers,
            decoding: DecodingLane(
                policy: images.policy(threads: threads), metrics: metrics, watch: service.watch))
        let addresses = try listening.addresses(passed: manager.passedSockets)
        let configuration = try serverConfiguration(addresses)
        let server = HTTPServer(configuration: configuration, handler: api, metrics: metrics, logger: logger)
        if configuration.tls != nil {
            reloading.add(Reloading.Part(name: "certificate") { try server.reloadTLS() })
        }

        let monitoring =
            addresses.metrics.isEmpty
            ? nil
            : MonitoringServer(
                api, addresses: addresses.metrics, maxConnections: listening.maxMetricsConnections, like: configuration,
                metrics: metrics, logger: logger)
        if let monitoring {
            do {
                let addresses = try monitoring.start().map { $0.port == nil ? "\($0)" : "http://\($0)" }
                output.line("metrics and health at \(addresses.joined(separator: ", "))")
            } catch {
                throw error.exitStatus.failure("\(error)")
            }
        }
        @Sendable func listen() throws {
            do {
                let addresses = try server.start()
                output.line("tusk \(Tusk.version) listens on \(addresses.map(url).joined(separator: ", "))")
                warnOfKeysInClear(keys, on: addresses, isEncrypted: configuration.tls != nil, logger)
            } catch {
                throw error.exitStatus.failure("\(error)")
            }
        }
        // Probes are answered while the models are being loaded, and a port in use is known before. But who connects to
        // an inherited socket, as during a restart in place, had better wait for the models than be refused.
        let waitsForModels = configuration.addresses.contains { $0.isInherited }
        if !waitsForModels { try listen() }

        Task(executorPreference: executor) { [models] in
            do {
                let served = summary(try await catalog.start(default: models.defaultModel))
                driftFile?.report(service.driftStates, to: logger)
                if waitsForModels { try listen() }
                event.yield(.ready(served))
            } catch ServingError.selfTestFailed(let model, let reason) {
                event.yield(.failed(CommandError("the self-test of \(model) failed: \(reason)")))
            } catch ServingError.badModelSet(let reason) {
                event.yield(.failed(CommandError(reason)))
            } catch let error as ModelExchangeError {
                event.yield(.failed(CommandError("\(error)")))
            } catch {
                event.yield(.failed(error))
            }
        }
        var signsOfLife: Task<Void, Never>?
        var keepingDrift: Task<Void, Never>?
        var modelTasks: [Task<Void, Never>] = []
        life: for await event in events {
            switch event {
            case .ready(let served):
                let milliseconds = start.duration(to: .now) / .milliseconds(1)
                // What loading took beside the models.
                release?.workEnded()
                output.line("ready after \(fixed(milliseconds, 0)) ms: \(served), \(weights.precision)")
                notify("READY=1", "STATUS=ready: \(served)")
                signsOfLife = manager.watchdog.map { watchdog in
                    Task(executorPreference: executor) {
                        // Twice within its time.
                        while !Task.isCancelled {
                            await server.passQueues()
                            await monitoring?.passQueues()
                            if service.standstill ?? .zero < liveness { notify("WATCHDOG=1") }
                            await executor.pause(for: watchdog / 2)
                        }
                    }
                }
                keepingDrift = driftFile.map { file in
                    Task(executorPreference: executor) {
                        while !Task.isCancelled {
                            await executor.pause(for: DriftStateFile.interval)
                            file.write(service.driftStates, logger: logger)
                        }
                    }
                }
                if models.watchModels > 0 {
                    modelTasks.append(
                        Task(executorPreference: executor) { [models] in
                            await catalog.watch(every: .seconds(models.watchModels)) { await executor.pause(for: $0) }
                        })
                }
                if models.restModelsAfter > 0 {
                    modelTasks.append(
                        Task(executorPreference: executor) { [models] in
                            let idle = Duration.seconds(models.restModelsAfter)
                            await catalog.letRest(after: idle) { await executor.pause(for: $0) }
                        })
                }
                hangUp.act {
                    notify("RELOADING=1", ServiceManager.time)
                    executor.wait { await reloading.reload() }
                    notify("READY=1")
                }
            case .failed(let error):
                await server.stop(grace: .zero)
                await monitoring?.stop()
                throw error
            case .endRequested: break life
            }
        }
        notify("STOPPING=1", "STATUS=finishing")
        let ending = Ending(server: server, service: service, monitoring: monitoring, executor: executor)
        let cutOff = await ending.run(
            delay: .seconds(shutdown.drainDelay), grace: .seconds(shutdown.grace), say: output.line
        ) {
            keepingDrift?.cancel()
            for task in modelTasks { task.cancel() }
            driftFile?.write(service.driftStates, logger: logger)
        }
        signsOfLife?.cancel()
        // Until here a second signal ends the process.
        withExtendedLifetime(interruption) {}
        if cutOff > 0 {
            throw ExitStatus.temporary.failure(
                "cut off after --grace \(shutdown.grace) s: \(cutOff) request\(cutOff == 1 ? "" : "s")")
        }
    }
}
