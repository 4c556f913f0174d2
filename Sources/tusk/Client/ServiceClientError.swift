/// Reason why a running service gave no answer that a command can use.
indirect enum ServiceClientError: Error, Equatable, CustomStringConvertible {
    /// No connection, or it broke; `reason` is the system's or OpenSSL's.
    case unreachable(reason: String)
    /// No answer within the time given.
    case timedOut(Duration)
    /// What answers does not speak HTTP/1.1.
    case notHTTP
    /// An answer other than 200.
    case notReady(status: Int)
    /// The answer is longer than `limit` bytes.
    case answerTooLarge(limit: Int)
    /// The answer to `path` is not what a service answers there.
    case notUnderstood(path: String, reason: String)
    /// An answer to `path` that says no, for a reason that `hint` tells what to do about.
    case refused(path: String, status: Int, hint: String)
    /// The service demands a client certificate.
    case certificateWanted
    /// Plain HTTP was answered 400, and TLS not at all.
    case notByTLS(ServiceClientError)

    var description: String {
        switch self {
        case .unreachable(let reason): "the service cannot be reached: \(reason)"
        case .timedOut(let timeout): "no answer within \(timeout)"
        case .notHTTP: "what answers there does not speak HTTP/1.1"
        case .notReady(let status): "the service is not ready: it answered \(status)"
        case .answerTooLarge(let limit): "the answer is longer than the \(limit) bytes of --max-answer"
        case .notUnderstood(let path, let reason): "the answer to \(path) is not understood: \(reason)"
        case .refused(let path, let status, let hint): "\(path) was answered \(status): \(hint)"
        case .certificateWanted: "it wants a client certificate; over a Unix socket it wants none (--listen unix:PATH)"
        case .notByTLS(let error): "the service answered 400, and by TLS: \(error)"
        }
    }
}
