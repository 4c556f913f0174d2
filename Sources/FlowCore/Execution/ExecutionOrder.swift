/// How the work of one direction of a flow is ordered over the dimensions of an event.
public enum ExecutionOrder: String, Sendable, Codable {
    /// Every dimension at once: rows of many requests share one batch.
    case parallel
    /// One dimension after another: runs apart, in blocks, so that it never holds up a batch.
    case sequential
}
