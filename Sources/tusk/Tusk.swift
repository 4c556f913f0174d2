import ArgumentParser
import Dispatch
import Glibc

@main
enum Main {
    static func main() {
        // Dispatch opens descriptors of its own as soon as a task runs, which is before an asynchronous main.
        Descriptors.openStandardStreams()
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
}
