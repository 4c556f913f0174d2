import ArgumentParser

/// `tusk health`: the health check of an image that has no shell and no other client.
struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks a running service whether it is ready.",
        discussion: """
            Ends with status 0 if GET /health/ready answers 200, else says why and ends with status 1.

            A service with --tls-certificate is asked by TLS, without another option. Its certificate is not verified: \
            this is for a service of the same machine, and sends nothing secret. One with --client-ca is asked over a \
            Unix socket that it also listens on.
            """)

    @OptionGroup var service: ServiceAddressArguments

    func run() throws {
        var client = try service.client()
        try client.checkReady()
    }
}
