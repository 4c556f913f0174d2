import ArgumentParser
import DensityAPI
import HTTPContent

/// Options that say which web pages may use the service, and by which names.
struct BrowserArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Origin whose web pages may use the service, as https://app.example; may be repeated. None by default.",
            valueName: "origin"))
    var corsOrigin: [String] = []

    @Option(
        help: ArgumentHelp(
            "Name that the service is called by; may be repeated. Others are refused with 421: on a loopback address "
                + "always, but for localhost; elsewhere once a name is given.", valueName: "name"))
    var allowedHost: [String] = []

    @Option(help: "The web page at /, and the contract as a page at /docs: on or off.")
    var page = Switch.on

    /// - Throws: a `CommandError` that names the option and the value.
    func rules() throws -> BrowserRules {
        BrowserRules(
            corsOrigins: try corsOrigin.map { text in
                try named("--cors-origin", text) { try WebOrigin(text) }
            },
            allowedHosts: try allowedHost.map { text in
                try named("--allowed-host", text) { try HostName(text) }
            })
    }

    private func named<Value>(_ option: String, _ text: String, _ make: () throws -> Value) throws -> Value {
        do {
            return try make()
        } catch {
            throw CommandError("\(option) is \(text): \(error)")
        }
    }
}
