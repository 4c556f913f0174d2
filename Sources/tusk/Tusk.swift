import ArgumentParser
import Dispatch
import Glibc
import System

@main
enum Main {
    static func main() {
        // Dispatch opens descriptors of its own as soon as a task runs, which is before an asynchronous main.
        Descriptors.openStandardStreams()
        if let shortage = Resources.checkStart() {
            Terminal.complain(shortage)
            exit(ExitStatus.system.rawValue)
        }
        Tusk.runCommand()
    }
}

struct Tusk: AsyncParsableCommand {
    static let version = "0.2.0"

    static let configuration = CommandConfiguration(
        abstract: "Learns the density of images, and answers for it over HTTP.",
        version: version,
        subcommands: [
            Serve.self,
            Prepare.self,
            Train.self,
            Finetune.self,
            Distill.self,
            Fit.self,
            Score.self,
            Evaluate.self,
            Calibrate.self,
            Import.self,
            Sample.self,
            Inspect.self,
            Seal.self,
            Health.self,
            Status.self,
            KeyCommand.self,
            Bench.self,
        ])

    /// Parses the program's command line and runs what it names; ends the program with an error's status.
    ///
    /// A command has the main thread, and with it the C library's first arena: others give freed memory back in pieces of 64 MiB,
    /// which a training would have made anew at every step.
    static func runCommand() -> Never {
        var command: any ParsableCommand
        do {
            command = try parseAsRoot()
        } catch {
            exit(withParsingError: error)
        }
        if let service = command as? any AsyncParsableCommand {
            Task {
                var service = service
                do {
                    try await service.run()
                } catch {
                    end(withError: error)
                }
                // what a service prints is for whoever watches it start and end, and nothing is lost with it
                Glibc.exit(EXIT_SUCCESS)
            }
            dispatchMain()
        }
        do {
            try command.run()
        } catch {
            end(withError: error)
        }
        endOutput()
        Glibc.exit(EXIT_SUCCESS)
    }

    private static func end(withError error: any Error) -> Never {
        endIfSuccess(error)
        exit(withError: error)
    }

    /// Ends the program with a status of its own where something that was printed was not written: it may have been all there is of a
    /// result, or a key that cannot be shown again.
    private static func endOutput() {
        do throws(SystemError) {
            try Terminal.endOutput()
        } catch {
            Glibc.exit(ExitStatus.output.saying("standard output: \(error)").rawValue)
        }
    }

    /// Ends the program as the parser does where `error` is none, such as a wish for help: but what is not written is an error.
    private static func endIfSuccess(_ error: any Error) {
        guard exitCode(for: error).isSuccess else { return }
        Terminal.line(fullMessage(for: error))
        endOutput()
        Glibc.exit(EXIT_SUCCESS)
    }

    /// Ends the program as the parser does, but that an option which does not exist comes before what is missing.
    private static func exit(withParsingError error: any Error) -> Never {
        endIfSuccess(error)
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
