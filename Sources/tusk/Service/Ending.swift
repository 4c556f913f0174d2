import Dispatch
import HTTPServer
import Serving

/// The end of a service as a signal asks for it: docs/guide/lifecycle.md.
struct Ending {
    let server: HTTPServer
    let service: DensityService
    /// Answers until the models have gone.
    var monitoring: MonitoringServer?
    /// Executor on which all of it runs, so that it waits for nothing that is computed.
    let executor: ServiceExecutor

    /// Time that the lanes have, once no client is left, to end the batches that nobody wants any more.
    static let laneTime = Duration.milliseconds(200)
    /// Time that standard error, standard output and the service manager have to take the last words.
    static let lastWords = DispatchTimeInterval.milliseconds(600)

    /// Ends readiness, answers for `delay` yet, then lets what has begun go on for `grace`.
    /// - Parameters:
    ///   - say: takes a line about what is done next.
    ///   - keep: called once no request is left, while the models are still there.
    /// - Returns: how many requests were cut off.
    func run(delay: Duration, grace: Duration, say: (String) -> Void, keep: () -> Void = {}) async -> Int {
        service.failReadiness()
        await server.endPersistence()
        if delay > .zero {
            say("not ready any more; answers for \(delay / .seconds(1)) s yet")
            await executor.pause(for: delay)
        }
        say("finishing the requests that have begun")
        let cutOff = await server.stop(grace: grace)
        keep()
        // The models go last: what has begun needs them. A batch ends between two of its tiles at the earliest, and a large
        // model's take long.
        _ = await executor.wait(atMost: Self.laneTime) { [service] in await service.drain() }
        await monitoring?.stop()
        return cutOff
    }
}
