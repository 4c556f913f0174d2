import HTTPTypes
import HTTPWire
import Metrics
import Synchronization

/// Counts of the requests that are over: by route, status and ending.
final class RequestMetrics: Sendable {
    /// Counts of one route, which begin with its first request.
    private final class OfRoute: Sendable {
        struct Counts {
            var seconds: Histogram
            var byStatus: [Int: Counter] = [:]
        }

        let name: String
        let counts = Mutex<Counts?>(nil)

        init(_ name: String) { self.name = name }
    }

    private let requests: Labelled<Counter>
    private let seconds: Labelled<Histogram>
    private let endings: [EndedExchange.Ending: Counter]
    private let routes: [String: OfRoute]
    /// Counts of requests that no route fits.
    private let other: OfRoute
    private let problems: [ProblemKind: Counter]
    private let rateLimited: Labelled<Counter>

    /// Declares the metrics in `set`.
    /// - Parameter routes: paths of the routes, which are the only ones that have counts of their own.
    init(in set: MetricSet, routes: Set<String>) {
        requests = set.counter(
            "http_requests", "Requests that are over, by the route's path and the answer's status, 0 for none.",
            labels: ["route", "status"])
        seconds = set.histogram(
            "http_request_seconds",
            "Time from the first byte of a request's head until its answer was handed to the kernel.",
            bounds: Histogram.times, labels: ["route"])
        let endings = set.counter("http_endings", "Requests that are over, by how they ended.", labels: ["ending"])
        self.endings = Dictionary(
            uniqueKeysWithValues: EndedExchange.Ending.allCases.map { ($0, endings[$0.rawValue]) })
        let problems = set.counter(
            "http_problems", "Answers that are errors, by the end of their type.", labels: ["kind"])
        self.problems = Dictionary(uniqueKeysWithValues: ProblemKind.allCases.map { ($0, problems[$0.rawValue]) })
        rateLimited = set.counter(
            "rate_limited_requests", "Requests that were refused by a limit of their key.", labels: ["limit", "key"])
        self.routes = Dictionary(uniqueKeysWithValues: routes.map { ($0, OfRoute($0)) })
        other = OfRoute("none")
    }

    /// Counts a request that is over.
    func count(_ exchange: EndedExchange) {
        let route = exchange.labels.route.flatMap { routes[$0] } ?? other
        let status = exchange.status?.code ?? 0
        let (counter, times) = route.counts.withLock { counts in
            var known = counts ?? OfRoute.Counts(seconds: seconds[route.name])
            let counter = known.byStatus[status] ?? requests[route.name, String(status)]
            known.byStatus[status] = counter
            counts = known
            return (counter, known.seconds)
        }
        counter.add()
        endings[exchange.ending]?.add()
        let nanoseconds = exchange.readingTime + exchange.handlingTime + exchange.sendingTime
        times.observe(Double(nanoseconds) / 1e9)
    }

    /// Counts an answer that is a problem.
    func count(_ kind: ProblemKind) { problems[kind]?.add() }

    /// Counts a refusal by a limit of a key, whose name is the operator's.
    func count(_ refusal: RateRefusal) { rateLimited[refusal.kind.rawValue, refusal.keyName].add() }
}
