import ArgumentParser
import Dispatch
import Glibc
import HTTPContent
import HTTPServer
import System

/// `tusk status`: what a running service is at, on one screen.
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a running service is at: models, queues, rates, latencies, refusals, drift.",
        discussion: """
            On a terminal the page is drawn again every --interval until Ctrl-C; elsewhere, and with --once or --json, there is one report \
            of one interval. Rates and latencies are those of the last interval unless they say otherwise.

            GET /metrics, /health and /admin/models are asked. Over a Unix socket that the service listens on (--listen unix:PATH) that \
            needs no key. With a key file another address needs one with the scopes metrics and admin; it is read from --key-from or the \
            environment variable \(keyVariable), and sent to this machine alone.

            Ends with status 1 if the service does not answer.
            """)

    /// Environment variable that holds a key.
    static let keyVariable = "TUSK_KEY"

    @OptionGroup var service: ServiceAddressArguments

    @Option(help: ArgumentHelp("Time between two readings, in seconds.", valueName: "s"))
    var interval = 2.0

    @Flag(help: "One report, and no more, on a terminal too.")
    var once = false

    @Flag(help: "One report as JSON.")
    var json = false

    @Option(help: ArgumentHelp("File that holds a key, and that nobody else may read.", valueName: "file"))
    var keyFrom: String?

    @Option(help: ArgumentHelp("Longest answer that is read.", valueName: "bytes"))
    var maxAnswer = ServiceClient.defaultAnswerLimit

    func run() throws {
        try check("--interval", interval, in: 0.1...3600)
        try check("--max-answer", maxAnswer, in: 1024...1 << 30)
        var client = try service.client()
        client.answerLimit = maxAnswer
        client.key = try key()
        if client.key != nil, !client.addresses.allSatisfy(\.isThisMachine) {
            throw CommandError(
                "a key is sent to a Unix socket or a loopback address alone: \(service.name) is none, and its certificate would not "
                    + "be verified")
        }
        var source = StatusSource(client: client)
        let first = try source.read()
        if !once, !json, LiveScreen.isPossible { return watch(&source, first) }
        usleep(UInt32(interval * 1e6))
        let figures = StatusFigures(try source.read(), since: first)
        if json {
            Terminal.line(String(decoding: figures.json(address: service.name).encoded, as: UTF8.self))
        } else {
            for line in StatusPage(figures: figures, address: service.name).lines(width: Self.reportWidth) {
                Terminal.line(line)
            }
        }
    }

    /// Columns of a report, which has no terminal's width to keep to.
    private static let reportWidth = 200

    /// Shows the service on the terminal until a signal ends it.
    private func watch(_ source: inout StatusSource, _ first: StatusReading) {
        let screen = LiveScreen()
        defer { screen.close() }
        var newest = first
        var page = StatusPage(figures: StatusFigures(first), address: service.name)
        while true {
            let next = DispatchTime.now() + interval
            waiting: while true {
                let size = screen.size
                screen.draw(page.lines(width: size.width, height: size.height), size)
                switch screen.wait(until: next) {
                case .timePassed: break waiting
                case .resized: continue
                case .ended: return
                }
            }
            do throws(ServiceClientError) {
                let reading = try source.read()
                page = StatusPage(figures: StatusFigures(reading, since: newest), address: service.name)
                newest = reading
            } catch {
                let seconds = Double(monotonicNow()) / 1e9 - newest.time
                page.notice = "no news for \(StatusText.time(seconds)): \(error)"
            }
        }
    }

    /// The key of the file or the environment; nil without either.
    /// - Throws: ``CommandError``.
    private func key() throws -> String? {
        let text: String
        if let keyFrom {
            text = try readSecret(keyFrom)
        } else if let value = environmentVariable(Self.keyVariable) {
            text = value
        } else {
            return nil
        }
        let key = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        // it goes into a line of the request
        guard !key.isEmpty, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw CommandError("\(keyFrom.map { "--key-from \($0)" } ?? Self.keyVariable) holds no key")
        }
        return key
    }
}

/// Text of a file that nobody but its owner may read.
/// - Throws: ``CommandError``, which holds nothing of the file.
private func readSecret(_ path: String) throws -> String {
    func failure(_ reason: String) -> CommandError { CommandError("--key-from \(path): \(reason)") }
    do {
        let file = try WholeFile(path)
        guard file.mode & (S_IRWXG | S_IRWXO) == 0 else {
            throw failure("others than its owner may read it; chmod 600 mends that")
        }
        return String(decoding: try file.contents(limit: 4096), as: UTF8.self)
    } catch let error as WholeFile.Failure {
        if case .system(let error) = error { throw failure("\(error)") }
        throw failure("it is \(error)")
    }
}
