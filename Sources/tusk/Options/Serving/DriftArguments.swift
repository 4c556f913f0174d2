import ArgumentParser
import FlowModels

/// Options of the test of drift over the images that are scored.
struct DriftArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Probability of telling drift (GET /drift) although there is none, over the whole life of a stream of images.",
            valueName: "rate"))
    var driftAlarm = "0.01"

    @Option(
        help: ArgumentHelp(
            """
            Keeps what the test has seen, so that it goes on after a restart; written every 10 s while images come, and at the \
            end. Without it the test begins with the process.
            """, valueName: "file"))
    var driftState: String?

    /// - Throws: ``CommandError`` for what is no rate.
    func rate() throws -> AlarmRate {
        guard let rate = AlarmRate(driftAlarm) else {
            throw CommandError(
                "--drift-alarm is \(driftAlarm); it must be a decimal fraction above 0 and at most 0.5, such as 0.01")
        }
        return rate
    }

    /// The file of the states; nil without one.
    /// - Throws: ``ServiceFailure``, which names the file and what is wrong.
    func open() throws -> DriftStateFile? { try driftState.map { try DriftStateFile($0) } }
}
