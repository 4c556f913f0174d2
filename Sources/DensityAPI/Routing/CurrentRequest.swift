package import HTTPWire
public import Logging

/// The request that a task works for, so that what is said meanwhile can be told to be of it.
package enum CurrentRequest {
    /// Labels of the request; nil in tasks, and on threads, that work for none.
    @TaskLocal package static var labels: ExchangeLabels?
}

extension Logger.MetadataProvider {
    /// Identifier and span of the request that the task works for, under the names that they have in a request's own line.
    public static let request = Logger.MetadataProvider {
        guard let labels = CurrentRequest.labels else { return [:] }
        var metadata: Logger.Metadata = [:]
        if let name = labels.requestID { metadata["request_id"] = .string(name) }
        if let span = labels.span {
            metadata["trace_id"] = .string(span.traceID)
            metadata["span_id"] = .string(span.spanID)
            metadata["parent_span_id"] = .string(span.parentID)
            metadata["trace_flags"] = .string(span.flags)
        }
        return metadata
    }
}
