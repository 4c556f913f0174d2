import ArgumentParser
import Dispatch
import Glibc

@main
enum Main {
    static func main() {
        // Dispatch opens descriptors of its own as soon as a task runs, which is before an asynchronous main.
        Descriptors.openStandardStreams()
        if let shortage = Resources.checkStart() {
            Terminal.complain(shortage)
            exit(ExitStatus.system.rawValue)
        }
        Task {
            await Tusk.main()
            exit(0)
        }
        dispatchMain()
    }
}

struct Tusk: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        abstract: "Learns the density of images, and answers for it over HTTP.",
        version: version,
        subcommands: [
            Serve.self,
            Train.self,
            Finetune.self,
            Distill.self,
            Fit.self,
            Evaluate.self,
            Sample.self,
            Inspect.self,
            Health.self,
            KeyCommand.self,
            Bench.self,
        ])
    /// Parses the program's command line and runs what it names; ends the program with an error's status.
    static func main() async {
        var command: any ParsableCommand
        do {
            command = try await asyncParseAsRoot()
        } catch {
            exit(withParsingError: error)
        }
        do {
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }

    /// Ends the program as the parser does, but that an option which does not exist comes before what is missing.
    private static func exit(withParsingError error: any Error) -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard exitCode(for: error) == .validationFailure,
            let unknown = try? OptionTable(of: Tusk.self).unknownOption(in: arguments)
        else { exit(withError: error) }
        let message = fullMessage(for: error)
        let usage = message.firstRange(of: "Usage:").map { "\n" + message[$0.lowerBound...] } ?? ""
        Terminal.complain(unknown.message + usage)
        Glibc.exit(exitCode(for: error).rawValue)
    }
}
