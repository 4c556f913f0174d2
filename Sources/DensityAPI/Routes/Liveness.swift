import Serving

extension APIContext {
    /// Whether the work gets on: unless some has run, and none has ended, for ``APIOptions/livenessTimeout``.
    var isLive: Bool { stall == nil }

    /// The problem of a service whose work has come to a standstill; nil while it gets on.
    var stall: Problem? {
        guard let standstill = service.standstill, standstill >= options.livenessTimeout else { return nil }
        let seconds = { (duration: Duration) in (duration / .seconds(1) * 10).rounded() / 10 }
        return Problem(
            .stalled,
            "work has been running for \(seconds(standstill)) s and none of it has ended; "
                + "the limit is \(seconds(options.livenessTimeout)) s",
            fields: Problem.retry(after: .zero))
    }
}
