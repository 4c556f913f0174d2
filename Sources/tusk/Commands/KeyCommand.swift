public import ArgumentParser
public import DensityAPI
import Glibc
import HTTPWire

/// `tusk key`: API keys.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Makes API keys for tusk serve --key-file.", subcommands: [New.self])

    /// `tusk key new`: prints a key, and the line for the key file.
    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a key: prints it, and its line for the key file.",
            discussion:
                "The first line is the key; it is kept nowhere and cannot be shown again. The second holds its hash and goes "
                + "into the key file.")

        @Option(help: "What the key is called in the log: 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'.")
        var name: String

        @Option(
            help: ArgumentHelp(
                "What its holder may do: score (POST /logprob, /encode), sample (GET /sample, POST /decode, /interpolate, "
                    + "/complete), metrics, admin. May be repeated.",
                valueName: "scope"))
        var scope: [Scope]

        @Option(
            help: ArgumentHelp("The first day on which it is refused, in UTC, such as 2027-01-31.", valueName: "day"))
        var expires: String?

        @OptionGroup(title: "Limits") var rates: RateArguments

        func validate() throws {
            guard APIKey.isValidName(name) else {
                throw ValidationError("--name must be 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'.")
            }
            guard !scope.isEmpty else { throw ValidationError("--scope must be given at least once.") }
            guard let expires else { return }
            guard let day = CivilDate(expires) else {
                throw ValidationError("--expires is \(expires); it must be a day such as 2027-01-31.")
            }
            guard day.daysSince1970 > time(nil) / 86_400 else {
                throw ValidationError("--expires is \(expires); it must be after today, in UTC.")
            }
        }

        func run() {
            let token = KeyToken.random()
            // Each scope once, in the order of the list.
            let scopes = Scope.allCases.filter(scope.contains)
            // Where that cannot be written the key is lost, and the command's status says so.
            let line = KeyFile.line(
                name: name, scopes: scopes, token: token, expiry: expires, limits: rates.limits)
            Terminal.line(token + "\n" + line)
        }
    }
}

extension Scope: ExpressibleByArgument {}
