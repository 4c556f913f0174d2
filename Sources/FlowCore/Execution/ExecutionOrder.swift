/// Order over the dimensions of an event in which one direction of a flow is computed.
public enum ExecutionOrder: String, Sendable, Codable {
    /// Every dimension at once: rows of many requests go into one batch.
    case parallel
    /// One dimension after another: runs apart, in blocks, so that it never holds up a batch.
    case sequential
}
