/// Makes a trace smaller for as long as it still fails: removes arrivals in ever smaller pieces (Zeller and Hildebrandt,
/// *Simplifying and Isolating Failure-Inducing Input*, IEEE TSE 28, 2002).
func shrunk(_ trace: Trace, fails: (Trace) -> Bool) -> Trace {
    var trace = trace
    var size = max(1, trace.arrivals.count / 2)
    while true {
        var first = 0
        var isSmaller = false
        while first < trace.arrivals.count {
            var arrivals = trace.arrivals
            arrivals.removeSubrange(first..<min(first + size, arrivals.count))
            let candidate = trace.with(arrivals)
            if fails(candidate) {
                trace = candidate
                isSmaller = true
            } else {
                first += size
            }
        }
        if size == 1, !isSmaller { return trace }
        if !isSmaller { size = max(1, size / 2) }
    }
}
