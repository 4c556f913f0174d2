import ArgumentParser

@main
struct Tusk: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Learns the density of images, and answers for it over HTTP.",
        subcommands: [
            Train.self,
            Evaluate.self,
            Sample.self,
            Health.self,
        ])
}
