import HTTPContent
import HTTPTypes
import Serving
import System

extension HTTPField.Name {
    /// Milliseconds that the client gives the answer; as the service's own limit, counted from the whole request.
    static let requestTimeout = HTTPField.Name("X-Request-Timeout-Ms")!
    /// Class of priority: `interactive` or `batch`.
    static let priorityClass = HTTPField.Name("X-Priority")!
    /// Why a request was turned away, in one word; the name is that of the Gateway API's inference routers.
    static let droppedReason = HTTPField.Name("X-LLM-D-Request-Dropped-Reason")!
}

extension RequestTerms {
    /// Terms that the head of a request asks for: its caller's, within the limits of `options`.
    /// - Throws: ``ProblemKind/malformedRequest`` for a field that is not what openapi.yaml says.
    init(_ request: RoutedRequest, options: APIOptions) throws(Problem) {
        self.init(caller: request.caller, deadline: options.requestTimeout)
        if let text = request.fields[.requestTimeout] {
            guard let milliseconds = Int(text), milliseconds > 0, text.utf8.allSatisfy(ASCII.isDigit)
            else {
                throw Problem(
                    .malformedRequest,
                    "X-Request-Timeout-Ms must be a whole number of milliseconds from 1 on, not \(quoted(text))")
            }
            let asked = Duration.milliseconds(Int64(min(milliseconds, 1 << 40)))
            deadline = min(asked, options.requestTimeout)
            isPromised = true
        }
        if let text = request.fields[.priorityClass] {
            guard let priority = Priority(rawValue: text.lowercased()) else {
                let known = Priority.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(.malformedRequest, "X-Priority must be one of \(known), not \(quoted(text))")
            }
            self.priority = priority
        }
    }

    /// Takes what a request of the Open Inference Protocol says of them: `timeout` in microseconds, 0 for none, within the limit that
    /// they have; `priority`, of which 0 is the default, 1 the most urgent, and 2 and more run in what others leave.
    /// - Throws: ``QueryError``.
    mutating func read(_ query: Query) throws(QueryError) {
        if let microseconds = try query.integer("timeout", in: 0...Int.max), microseconds > 0 {
            let asked = Duration.microseconds(Int64(min(microseconds, 1 << 50)))
            deadline = deadline.map { min(asked, $0) } ?? asked
            isPromised = true
        }
        if let priority = try query.integer("priority", in: 0...Int.max), priority > 1 { self.priority = .batch }
    }

    /// The same terms after some of the time has gone, and `spent` of a thread with it.
    func after(_ elapsed: Duration, spent: Duration) -> RequestTerms {
        var terms = self
        terms.spent = spent
        terms.deadline = deadline.map { max(.milliseconds(1), $0 - elapsed) }
        return terms
    }
}
