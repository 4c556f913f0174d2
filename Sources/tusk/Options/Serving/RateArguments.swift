public import ArgumentParser
public import DensityAPI

/// Options that limit what the holder of a key may use: in `tusk serve` of each key without a limit of its own, in `tusk key new` of the
/// new one.
struct RateArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Requests of a key: 10/s, 600/min or 10/s,burst=50, which lets through 50 at once; none for no limit. Beyond it 429. "
                + "The line of a key in the file may say its own: requests=10/s.",
            valueName: "rate"))
    var rateRequests: RateLimit?

    @Option(
        help: ArgumentHelp(
            "Images of a key that are scored, times samples, images that are drawn, and latents: 1k/s,burst=10k.",
            valueName: "rate"))
    var rateRows: RateLimit?

    @Option(
        help: ArgumentHelp("Bytes of the bodies of a key: 2M/s,burst=64M.", valueName: "rate"))
    var rateBytes: RateLimit?

    /// The limits that were given.
    var limits: RateLimits {
        let given: [RateKind: RateLimit?] = [.requests: rateRequests, .rows: rateRows, .bytes: rateBytes]
        return given.compactMapValues(\.self)
    }
}

extension RateLimit: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
