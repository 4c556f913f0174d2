import ArgumentParser
import HTTPServer
import HTTPWire
import Testing

@testable import tusk

@Suite("Limits of tusk serve")
struct LimitArgumentsTests {
    private func parsed(_ arguments: [String]) throws -> HTTPServerConfiguration {
        // half of the options belong to each group
        let isSize: (String) -> Bool = { name in
            Self.sizes.contains { $0.option == name } || name.hasPrefix("--small-body")
                || name == "--client-memory-factor"
        }
        let pairs = stride(from: 0, to: arguments.count, by: 2).map { Array(arguments[$0..<$0 + 2]) }
        let sizes = try SizeLimitArguments.parse(pairs.filter { isSize($0[0]) }.flatMap(\.self))
        let connections = try ConnectionLimitArguments.parse(pairs.filter { !isSize($0[0]) }.flatMap(\.self))
        try sizes.check()
        try connections.check()
        var configuration = HTTPServerConfiguration()
        sizes.apply(to: &configuration)
        connections.apply(to: &configuration)
        return configuration
    }

    struct Size: Sendable {
        var option: String
        var path: any WritableKeyPath<HTTPLimits, Int> & Sendable
        var range: ClosedRange<Int>
    }

    private static let sizes = [
        Size(option: "--max-request-line", path: \.requestLineBytes, range: 64...1 << 20),
        Size(option: "--max-header", path: \.fieldBytes, range: 64...1 << 24),
        Size(option: "--max-header-fields", path: \.fields, range: 1...10_000),
        Size(option: "--max-trailer", path: \.trailerBytes, range: 2...1 << 24),
        Size(option: "--max-empty-lines", path: \.leadingEmptyLines, range: 0...1000),
        Size(option: "--max-chunks", path: \.chunks, range: 1...1 << 30),
        Size(option: "--max-chunk-extension", path: \.chunkExtensionBytes, range: 0...1 << 20),
        Size(option: "--max-expansion", path: \.expansionRatio, range: 1...10_000),
        Size(option: "--free-expansion", path: \.expansionFloorBytes, range: 0...1 << 32),
        Size(option: "--max-read-ahead", path: \.readAheadBytes, range: 1...1 << 24),
        Size(option: "--max-unsent", path: \.unsentBytes, range: 1...1 << 24),
        Size(option: "--max-discarded-body", path: \.discardedBodyBytes, range: 0...1 << 32),
        Size(option: "--max-lingering", path: \.lingeringBytes, range: 0...1 << 32),
    ]

    @Test("what is not given is the server's own default")
    func defaults() throws {
        let configuration = try parsed([])
        #expect(configuration.limits == HTTPLimits() && configuration.timeouts == HTTPTimeouts())
        #expect(configuration.bodyMemory == BodyMemoryLimits())
        #expect(configuration.backlog == HTTPServerConfiguration().backlog)
        #expect(configuration.maxConnections == HTTPServerConfiguration().maxConnections)
        #expect(configuration.maxConnectionsPerClient == HTTPServerConfiguration().maxConnectionsPerClient)
    }

    @Test("each size sets its limit, within its range", arguments: sizes)
    func size(_ size: Size) throws {
        for value in [size.range.lowerBound, size.range.upperBound] {
            var expected = HTTPLimits()
            expected[keyPath: size.path] = value
            #expect(try parsed([size.option, "\(value)"]).limits == expected)
        }
        #expect(throws: CommandError.self) { try parsed([size.option, "\(size.range.upperBound + 1)"]) }
        guard size.range.lowerBound > 0 else { return }
        #expect(throws: CommandError.self) { try parsed([size.option, "\(size.range.lowerBound - 1)"]) }
    }

    @Test("memory for bodies has room for the largest, twice")
    func bodyMemory() throws {
        let sizes = { (memory: Int) in
            try SizeLimitArguments.parse(["--max-body", "4096", "--max-body-memory", "\(memory)"])
        }
        let least = try sizes(8192)
        try least.check()
        var configuration = HTTPServerConfiguration()
        least.apply(to: &configuration)
        #expect(configuration.bodyMemory.total == 8192)
        #expect(throws: CommandError.self) { try sizes(8191).check() }
    }

    @Test("memory for larger bodies has room for the largest, once the reserve and others have theirs")
    func sharedBodyMemory() throws {
        let sizes = { (memory: Int, reserve: Int) in
            try SizeLimitArguments.parse([
                "--max-body", "4000", "--small-body", "100", "--client-memory-factor", "4", "--small-body-reserve",
                "\(reserve)", "--max-body-memory", "\(memory)",
            ])
        }
        // 8000 are four fifths of 10,000; a reserve beyond half of all counts as half.
        for (memory, reserve) in [(10_001, 0), (12_001, 2000), (20_001, 1 << 30)] {
            let least = try sizes(memory, reserve)
            try least.check()
            var configuration = HTTPServerConfiguration()
            least.apply(to: &configuration)
            #expect(configuration.bodyMemory.canHold(8000))
            #expect(configuration.bodyMemory.smallBytes == 200 && configuration.bodyMemory.clientFactor == 4)
            #expect(throws: CommandError.self) { try sizes(memory - 1, reserve).check() }
        }
        #expect(BodyMemoryLimits().canHold(2 * 64 << 20))
    }

    @Test("the log queue has a range", arguments: [(0, false), (1, true), (1 << 20, true), ((1 << 20) + 1, false)])
    func logQueue(lines: Int, isPermitted: Bool) throws {
        let arguments = try LogArguments.parse(["--log-queue", "\(lines)"])
        #expect(((try? arguments.check()) != nil) == isPermitted)
    }

    @Test("each time sets its timeout")
    func times() throws {
        let timeouts = try parsed([
            "--head-timeout", "1", "--body-timeout", "2", "--idle-timeout", "3", "--write-timeout", "4",
            "--linger-timeout", "5.5", "--linger-total", "6", "--min-body-rate", "7", "--min-send-rate", "8",
            "--last-head-timeout", "0.5",
        ]).timeouts
        #expect(timeouts.lastHead == .seconds(0.5))
        #expect(timeouts.head == .seconds(1) && timeouts.body == .seconds(2) && timeouts.idle == .seconds(3))
        #expect(
            timeouts.write == .seconds(4) && timeouts.linger == .seconds(5.5) && timeouts.lingerTotal == .seconds(6))
        #expect(timeouts.minimumBodyRate == 7 && timeouts.minimumSendRate == 8)
    }

    @Test("each number of connections sets its limit")
    func connections() throws {
        let configuration = try parsed([
            "--max-connections", "5", "--max-connections-per-client", "0", "--max-requests-per-connection", "1",
            "--backlog", "65535",
        ])
        #expect(configuration.backlog == 65_535)
        #expect(configuration.maxConnections == 5 && configuration.maxConnectionsPerClient == 0)
        #expect(configuration.limits.requests == 1)
    }

    @Test(
        "what is out of range is refused",
        arguments: [
            ("--head-timeout", "0"), ("--last-head-timeout", "0"), ("--body-timeout", "0"), ("--idle-timeout", "86401"),
            ("--write-timeout", "nan"),
            ("--linger-timeout", "0"), ("--linger-total", "0"), ("--max-connections", "0"),
            ("--max-connections-per-client", "1000001"), ("--backlog", "0"), ("--backlog", "65536"),
            ("--max-requests-per-connection", "0"),
            ("--small-body-reserve", "8796093022209"),
            ("--small-body", "4294967297"), ("--client-memory-factor", "0"), ("--client-memory-factor", "1000001"),
            ("--min-body-rate", "1073741825"), ("--min-send-rate", "1073741825"),
        ])
    func outOfRange(_ option: String, _ value: String) {
        #expect(throws: CommandError.self) { try parsed([option, value]) }
    }

    @Test("help names every limit with its default")
    func help() {
        let help = Serve.helpMessage(columns: 200)
        for line in [
            "--max-request-line <bytes>", "--max-body <bytes>", "--head-timeout <s>", "(default: 10.0)",
            "--max-requests-per-connection <n>", "(default: 10000)", "(default: 67108864)",
        ] { #expect(help.contains(line), "\(line)") }
    }
}
