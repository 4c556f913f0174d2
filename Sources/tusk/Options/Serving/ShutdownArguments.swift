import ArgumentParser

/// Options that say how `tusk serve` ends.
struct ShutdownArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How long to go on accepting and answering after SIGTERM, not ready any more, so that load balancers leave \
            before connections are refused.
            """, valueName: "s"))
    // Ctrl-C on a terminal shall end at once; who has a load balancer knows how long it takes to notice.
    var drainDelay = 0.0

    @Option(
        help: ArgumentHelp(
            "How long requests that have begun may go on after that; what is left then is cut off, status 75.",
            valueName: "s"))
    var grace = 20.0

    func check() throws {
        try tusk.check("--drain-delay", drainDelay, in: 0...86_400)
        try tusk.check("--grace", grace, in: 0...86_400)
    }
}
