import ArgumentParser
import DensityAPI
import Imaging
import Serving

private let apiDefaults = APIOptions(version: "") { _ in }
private let laneDefaults = DecodingPolicy()

/// Options that limit what images of requests may cost to decode; defaults as in ``APIOptions`` and ``DecodingPolicy``.
struct DecodingArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Width and height of an image; 422.", valueName: "pixels"))
    var maxImageSide = apiDefaults.imageLimits.side

    @Option(help: ArgumentHelp("Pixels of an image; 422.", valueName: "n"))
    var maxImagePixels = apiDefaults.imageLimits.pixels

    @Option(help: ArgumentHelp("Scans of a JPEG; progressive ones usually have ten at most; 422.", valueName: "n"))
    var maxImageScans = apiDefaults.imageLimits.scans

    @Option(help: ArgumentHelp("Pixels of all encoded images of a request that asks for fit; 422.", valueName: "n"))
    var maxRequestPixels = apiDefaults.maxRequestPixels

    @Option(
        help: ArgumentHelp(
            "Pixels of each encoded image of a request times its scans, added up; 422. An interlaced PNG has 7.",
            valueName: "n"))
    var maxRequestScannedPixels = apiDefaults.maxRequestScannedPixels

    @Option(
        help: ArgumentHelp(
            "Pixels times scans, or bytes of text, above which a body takes a turn of the decoding lane.",
            valueName: "n"))
    var inlineWork = apiDefaults.inlineWork

    @Option(
        help: ArgumentHelp(
            "Requests whose images wait to be decoded, or are; more are refused with 429.", valueName: "n"))
    var maxDecodingRequests = laneDefaults.maxRequests

    @Option(
        help: ArgumentHelp(
            "Pixels times scans up to which an image never waits for larger ones.", valueName: "n"))
    var shortDecodingWork = laneDefaults.shortWork

    func check() throws {
        try tusk.check("--max-image-side", maxImageSide, in: 1...1 << 20)
        try tusk.check("--max-image-pixels", maxImagePixels, in: 1...1 << 32)
        try tusk.check("--max-image-scans", maxImageScans, in: 1...10_000)
        try tusk.check("--max-request-pixels", maxRequestPixels, in: 1...1 << 40)
        try tusk.check("--max-request-scanned-pixels", maxRequestScannedPixels, in: 1...1 << 50)
        try tusk.check("--inline-work", inlineWork, in: 0...1 << 40)
        try tusk.check("--max-decoding-requests", maxDecodingRequests, in: 1...1_000_000)
        try tusk.check("--short-decoding-work", shortDecodingWork, in: 0...1 << 40)
    }

    func apply(to options: inout APIOptions) {
        options.imageLimits.side = maxImageSide
        options.imageLimits.pixels = maxImagePixels
        options.imageLimits.scans = maxImageScans
        options.maxRequestPixels = maxRequestPixels
        options.maxRequestScannedPixels = maxRequestScannedPixels
        options.inlineWork = inlineWork
    }

    /// Sizes of a lane of `threads` threads.
    func policy(threads: Int) -> DecodingPolicy {
        var policy = DecodingPolicy()
        policy.threads = threads
        policy.maxRequests = maxDecodingRequests
        policy.shortWork = shortDecodingWork
        return policy
    }
}
