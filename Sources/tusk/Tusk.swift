import ArgumentParser

@main
struct Tusk: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        abstract: "Learns the density of images, and answers for it over HTTP.",
        version: version,
        subcommands: [
            Serve.self,
            Train.self,
            Distill.self,
            Fit.self,
            Evaluate.self,
            Sample.self,
            Inspect.self,
            Health.self,
            Bench.self,
        ])
}
