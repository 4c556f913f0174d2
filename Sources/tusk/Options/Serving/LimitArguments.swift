import ArgumentParser
import DensityAPI
import HTTPServer
import HTTPWire

/// Options that limit what clients may send; defaults as in ``HTTPLimits``.
struct SizeLimitArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Longest request line; a longer one is refused with 414.", valueName: "bytes"))
    var maxRequestLine = HTTPLimits().requestLineBytes

    @Option(help: ArgumentHelp("All header fields of a request; more are refused with 431.", valueName: "bytes"))
    var maxHeader = HTTPLimits().fieldBytes

    @Option(help: ArgumentHelp("Header fields of a request, or of its trailers; 431.", valueName: "n"))
    var maxHeaderFields = HTTPLimits().fields

    @Option(help: ArgumentHelp("All trailer fields of a chunked body; 431.", valueName: "bytes"))
    var maxTrailer = HTTPLimits().trailerBytes

    @Option(help: ArgumentHelp("Empty lines before a request; 400.", valueName: "n"))
    var maxEmptyLines = HTTPLimits().leadingEmptyLines

    @Option(help: ArgumentHelp("Chunks of a body; 400.", valueName: "n"))
    var maxChunks = HTTPLimits().chunks

    @Option(help: ArgumentHelp("Extension of one chunk; 400.", valueName: "bytes"))
    var maxChunkExtension = HTTPLimits().chunkExtensionBytes

    @Option(
        help: ArgumentHelp(
            "Any body, unfolded; the model's images set lower limits for most; 413.", valueName: "bytes"))
    var maxBody = APIOptions(version: "") { _ in }.maxBodyBytes

    @Option(
        help: ArgumentHelp(
            "All bodies together, until they are answered; each takes twice its size; 503.", valueName: "bytes"))
    var maxBodyMemory = BodyMemoryLimits().total

    @Option(
        help: ArgumentHelp("Part of that for bodies up to --small-body only, at most half of it.", valueName: "bytes"))
    var smallBodyReserve = BodyMemoryLimits().reserve

    @Option(help: ArgumentHelp("Size up to which a body may use the reserve.", valueName: "bytes"))
    var smallBody = BodyMemoryLimits().smallBytes / 2

    @Option(
        help: ArgumentHelp(
            "How many times what is left of the memory the larger bodies of one client may take; 503.", valueName: "n"))
    var clientMemoryFactor = BodyMemoryLimits().clientFactor

    @Option(help: ArgumentHelp("How many times larger a gzip or deflate body may unfold; 400.", valueName: "n"))
    var maxExpansion = HTTPLimits().expansionRatio

    @Option(help: ArgumentHelp("Up to this a body may unfold however much it was compressed.", valueName: "bytes"))
    var freeExpansion = HTTPLimits().expansionFloorBytes

    @Option(
        help: ArgumentHelp("Requests kept behind the one that is answered; more are left unread.", valueName: "bytes"))
    var maxReadAhead = HTTPLimits().readAheadBytes

    @Option(help: ArgumentHelp("Answers that wait to be taken before the next request is begun.", valueName: "bytes"))
    var maxUnsent = HTTPLimits().unsentBytes

    @Option(help: ArgumentHelp("Unwanted body that is dropped; beyond it the connection closes.", valueName: "bytes"))
    var maxDiscardedBody = HTTPLimits().discardedBodyBytes

    @Option(help: ArgumentHelp("What is dropped after the last answer, so that it arrives.", valueName: "bytes"))
    var maxLingering = HTTPLimits().lingeringBytes

    func check() throws {
        try tusk.check("--max-request-line", maxRequestLine, in: 64...1 << 20)
        try tusk.check("--max-header", maxHeader, in: 64...1 << 24)
        try tusk.check("--max-header-fields", maxHeaderFields, in: 1...10_000)
        try tusk.check("--max-trailer", maxTrailer, in: 2...1 << 24)
        try tusk.check("--max-empty-lines", maxEmptyLines, in: 0...1000)
        try tusk.check("--max-chunks", maxChunks, in: 1...1 << 30)
        try tusk.check("--max-chunk-extension", maxChunkExtension, in: 0...1 << 20)
        try tusk.check("--max-body", maxBody, in: 1024...1 << 32)
        try tusk.check("--small-body-reserve", smallBodyReserve, in: 0...1 << 43)
        try tusk.check("--small-body", smallBody, in: 0...1 << 32)
        try tusk.check("--client-memory-factor", clientMemoryFactor, in: 1...1_000_000)
        // else a body of the permitted size could never be taken
        try tusk.check("--max-body-memory", maxBodyMemory, in: leastBodyMemory...1 << 44)
        try tusk.check("--max-expansion", maxExpansion, in: 1...10_000)
        try tusk.check("--free-expansion", freeExpansion, in: 0...1 << 32)
        try tusk.check("--max-read-ahead", maxReadAhead, in: 1...1 << 24)
        try tusk.check("--max-unsent", maxUnsent, in: 1...1 << 24)
        try tusk.check("--max-discarded-body", maxDiscardedBody, in: 0...1 << 32)
        try tusk.check("--max-lingering", maxLingering, in: 0...1 << 32)
    }

    private var bodyMemory: BodyMemoryLimits {
        var limits = BodyMemoryLimits()
        limits.total = maxBodyMemory
        limits.reserve = min(smallBodyReserve, maxBodyMemory / 2)
        limits.smallBytes = 2 * smallBody
        limits.clientFactor = clientMemoryFactor
        return limits
    }

    /// Least memory with which a client that is alone can send the largest body.
    private var leastBodyMemory: Int {
        let body = 2 * maxBody
        if body <= 2 * smallBody { return body }
        // The reserve is at most half of the memory.
        let unreserved = body + (body + clientMemoryFactor - 1) / clientMemoryFactor
        return unreserved + min(smallBodyReserve, unreserved) + 1
    }

    func apply(to configuration: inout HTTPServerConfiguration) {
        configuration.bodyMemory = bodyMemory
        configuration.limits.requestLineBytes = maxRequestLine
        configuration.limits.fieldBytes = maxHeader
        configuration.limits.fields = maxHeaderFields
        configuration.limits.trailerBytes = maxTrailer
        configuration.limits.leadingEmptyLines = maxEmptyLines
        configuration.limits.chunks = maxChunks
        configuration.limits.chunkExtensionBytes = maxChunkExtension
        configuration.limits.expansionRatio = maxExpansion
        configuration.limits.expansionFloorBytes = freeExpansion
        configuration.limits.readAheadBytes = maxReadAhead
        configuration.limits.unsentBytes = maxUnsent
        configuration.limits.discardedBodyBytes = maxDiscardedBody
        configuration.limits.lingeringBytes = maxLingering
    }
}

/// Options that limit connections, and how long each may take over what; defaults as in ``HTTPServerConfiguration`` and
/// ``HTTPTimeouts``.
struct ConnectionLimitArguments: ParsableArguments {
    private static let timeouts = HTTPTimeouts()

    @Option(help: ArgumentHelp("Open connections; more wait to be accepted.", valueName: "n"))
    var maxConnections = HTTPServerConfiguration().maxConnections

    @Option(
        help: ArgumentHelp(
            "Open connections of one IPv4 address or IPv6 /64; more are closed. 0 for any number: behind a proxy.",
            valueName: "n"))
    var maxConnectionsPerClient = HTTPServerConfiguration().maxConnectionsPerClient

    @Option(help: ArgumentHelp("Connections that the kernel holds until they are accepted.", valueName: "n"))
    var backlog = HTTPServerConfiguration().backlog

    @Option(help: ArgumentHelp("Requests of one connection; the last answer closes it.", valueName: "n"))
    var maxRequestsPerConnection = HTTPLimits().requests

    @Option(help: ArgumentHelp("From the first byte of a head to its last; 408.", valueName: "s"))
    var headTimeout = ConnectionLimitArguments.timeouts.head / .seconds(1)

    @Option(
        help: ArgumentHelp("For a head that is unfinished when the service ends; it closes.", valueName: "s"))
    var lastHeadTimeout = ConnectionLimitArguments.timeouts.lastHead / .seconds(1)

    @Option(
        help: ArgumentHelp("For a body, and again as long as it keeps --min-body-rate; 408.", valueName: "s"))
    var bodyTimeout = ConnectionLimitArguments.timeouts.body / .seconds(1)

    @Option(help: ArgumentHelp("Bytes a second of a body over each --body-timeout.", valueName: "bytes"))
    var minBodyRate = ConnectionLimitArguments.timeouts.minimumBodyRate

    @Option(help: ArgumentHelp("Between two requests of a connection; it closes.", valueName: "s"))
    var idleTimeout = ConnectionLimitArguments.timeouts.idle / .seconds(1)

    @Option(
        help: ArgumentHelp(
            "For a client to take an answer, and again as long as it keeps --min-send-rate; it is cut off.",
            valueName: "s"))
    var writeTimeout = ConnectionLimitArguments.timeouts.write / .seconds(1)

    @Option(help: ArgumentHelp("Bytes a second of an answer over each --write-timeout.", valueName: "bytes"))
    var minSendRate = ConnectionLimitArguments.timeouts.minimumSendRate

    @Option(help: ArgumentHelp("After the last answer, while the client sends nothing.", valueName: "s"))
    var lingerTimeout = ConnectionLimitArguments.timeouts.linger / .seconds(1)

    @Option(help: ArgumentHelp("After the last answer, while the client still sends.", valueName: "s"))
    var lingerTotal = ConnectionLimitArguments.timeouts.lingerTotal / .seconds(1)

    @Flag(
        help: """
            A client that said that its request is the last (Connection: close, HTTP/1.0) may close its side and still \
            wait for the answer; without it whoever closes has left, and the work is dropped.
            """)
    var allowHalfClose = false

    private static let seconds = 0.001...86_400

    func check() throws {
        try tusk.check("--max-connections", maxConnections, in: 1...1_000_000)
        try tusk.check("--max-connections-per-client", maxConnectionsPerClient, in: 0...1_000_000)
        try tusk.check("--backlog", backlog, in: 1...65_535)
        try tusk.check("--max-requests-per-connection", maxRequestsPerConnection, in: 1...1 << 60)
        try tusk.check("--head-timeout", headTimeout, in: Self.seconds)
        try tusk.check("--last-head-timeout", lastHeadTimeout, in: Self.seconds)
        try tusk.check("--body-timeout", bodyTimeout, in: Self.seconds)
        try tusk.check("--min-body-rate", minBodyRate, in: 0...1 << 30)
        try tusk.check("--idle-timeout", idleTimeout, in: Self.seconds)
        try tusk.check("--write-timeout", writeTimeout, in: Self.seconds)
        try tusk.check("--min-send-rate", minSendRate, in: 0...1 << 30)
        try tusk.check("--linger-timeout", lingerTimeout, in: Self.seconds)
        try tusk.check("--linger-total", lingerTotal, in: Self.seconds)
    }

    func apply(to configuration: inout HTTPServerConfiguration) {
        configuration.maxConnections = maxConnections
        configuration.maxConnectionsPerClient = maxConnectionsPerClient
        configuration.backlog = backlog
        configuration.limits.requests = maxRequestsPerConnection
        configuration.allowsHalfClose = allowHalfClose
        configuration.timeouts.head = .seconds(headTimeout)
        configuration.timeouts.lastHead = .seconds(lastHeadTimeout)
        configuration.timeouts.body = .seconds(bodyTimeout)
        configuration.timeouts.minimumBodyRate = minBodyRate
        configuration.timeouts.idle = .seconds(idleTimeout)
        configuration.timeouts.write = .seconds(writeTimeout)
        configuration.timeouts.minimumSendRate = minSendRate
        configuration.timeouts.linger = .seconds(lingerTimeout)
        configuration.timeouts.lingerTotal = .seconds(lingerTotal)
    }
}
