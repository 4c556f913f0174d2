import Glibc
import HTTPContent
import Metrics
import System

/// Reader of a running service's status.
struct StatusSource {
    private var client: ServiceClient
    /// Why the models' files are not asked for any more; nil while they are told.
    private var withheld: String?

    init(client: ServiceClient) { self.client = client }

    /// The status as it is now.
    mutating func read() throws(ServiceClientError) -> StatusReading {
        let metrics = try metrics()
        // 503 as long as the service is not ready, and says the same of it.
        let answer = try client.get("/health")
        let health = try understood("/health") { try StatusReading.Health(json: answer.body) }
        var reading = StatusReading(
            time: Double(monotonicNow()) / 1e9, unixTime: Double(time(nil)), health: health, metrics: metrics)
        reading.files = try files()
        reading.withheld = withheld
        return reading
    }

    /// The models' files. Whoever is not told is not told the next time either, and would count one refusal after the other.
    private mutating func files() throws(ServiceClientError) -> [StatusReading.ModelFile]? {
        guard withheld == nil else { return nil }
        let path = "/admin/models"
        let answer = try client.get(path)
        switch answer.status {
        case 200: return try understood(path) { try StatusReading.files(json: answer.body) }
        // one that is older, or a listener for metrics alone
        case 404: withheld = "why a model was not loaded is not told here: there is no \(path)"
        default: withheld = "why a model was not loaded is told over a Unix socket, or with a key of the scope admin"
        }
        return nil
    }

    private mutating func metrics() throws(ServiceClientError) -> StatusMetrics {
        let path = "/metrics"
        let answer = try client.get(path, accept: MediaType.openMetrics.description)
        switch answer.status {
        case 200: break
        case 401, 403:
            throw .refused(
                path: path, status: answer.status,
                hint: "it wants a key with the scope metrics (--key-from FILE, or the environment variable "
                    + "\(Status.keyVariable)); over a Unix socket it wants none (--listen unix:PATH)")
        case 404: throw .refused(path: path, status: 404, hint: "that is no tusk, or an older one")
        case let status: throw .refused(path: path, status: status, hint: "no metrics, no status")
        }
        let readings = try understood(path) {
            try MetricText.readings(ofOpenMetrics: String(decoding: answer.body, as: UTF8.self))
        }
        return StatusMetrics(readings)
    }

    private func understood<Value>(_ path: String, _ body: () throws -> Value) throws(ServiceClientError) -> Value {
        do { return try body() } catch let error as MetricTextError {
            throw .notUnderstood(path: path, reason: "\(error)")
        } catch {
            throw .notUnderstood(path: path, reason: "it is not the JSON that belongs there")
        }
    }
}
