import ArgumentParser
import DensityAPI
import Imaging
import Serving
import Testing

@testable import tusk

@Suite("Limits on images of requests")
struct DecodingArgumentsTests {
    private func parsed(_ arguments: [String]) throws -> (APIOptions, DecodingPolicy) {
        let images = try DecodingArguments.parse(arguments)
        try images.check()
        var options = APIOptions(version: "") { _ in }
        images.apply(to: &options)
        return (options, images.policy(threads: 3))
    }

    @Test("what is not given is the API's and the lane's own default")
    func defaults() throws {
        let (options, policy) = try parsed([])
        let own = APIOptions(version: "") { _ in }
        #expect(options.imageLimits == own.imageLimits && options.maxRequestPixels == own.maxRequestPixels)
        #expect(options.maxRequestScannedPixels == own.maxRequestScannedPixels)
        #expect(options.inlineWork == own.inlineWork)
        var expected = DecodingPolicy()
        expected.threads = 3
        #expect(policy == expected)
    }

    @Test("each option sets its limit")
    func values() throws {
        let (options, policy) = try parsed([
            "--max-image-side", "1", "--max-image-pixels", "2", "--max-image-scans", "3", "--max-request-pixels", "4",
            "--max-request-scanned-pixels", "5", "--inline-work", "6", "--max-decoding-requests", "7",
            "--short-decoding-work", "8",
        ])
        #expect(options.imageLimits == DecodeLimits(side: 1, pixels: 2, scans: 3))
        #expect(options.maxRequestPixels == 4 && options.maxRequestScannedPixels == 5 && options.inlineWork == 6)
        #expect(policy.maxRequests == 7 && policy.shortWork == 8)
    }

    @Test(
        "each has a range",
        arguments: [
            ("--max-image-side", 1, 1 << 20), ("--max-image-pixels", 1, 1 << 32), ("--max-image-scans", 1, 10_000),
            ("--max-request-pixels", 1, 1 << 40), ("--max-request-scanned-pixels", 1, 1 << 50),
            ("--inline-work", 0, 1 << 40), ("--max-decoding-requests", 1, 1_000_000),
            ("--short-decoding-work", 0, 1 << 40),
        ])
    func ranges(_ option: String, least: Int, most: Int) throws {
        for value in [least, most] { _ = try parsed([option, "\(value)"]) }
        #expect(throws: CommandError.self) { try parsed([option, "\(most + 1)"]) }
        if least > 0 { #expect(throws: CommandError.self) { try parsed([option, "\(least - 1)"]) } }
    }
}
