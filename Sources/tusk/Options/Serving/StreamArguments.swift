import ArgumentParser
import DensityAPI

private let apiDefaults = APIOptions(version: "") { _ in }

/// Options that limit bodies of lines, which are answered as they come; defaults as in ``APIOptions``.
struct StreamArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Answer to a body of lines that is made before the client takes it; beyond that the body is left unread.",
            valueName: "bytes"))
    var maxStreamBacklog = apiDefaults.maxStreamBacklog

    @Option(help: ArgumentHelp("Images of a body of lines that are scored together.", valueName: "n"))
    var streamBlock = apiDefaults.streamBlockImages

    func check() throws {
        try tusk.check("--max-stream-backlog", maxStreamBacklog, in: 0...1 << 32)
        try tusk.check("--stream-block", streamBlock, in: 1...65_536)
    }

    func apply(to options: inout APIOptions) {
        options.maxStreamBacklog = maxStreamBacklog
        options.streamBlockImages = streamBlock
    }
}
