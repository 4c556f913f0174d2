import HTTPTypes
import Hummingbird
import Logging

/// `GET /health` as `tusk serve` answers it, on Hummingbird: the same bytes, the same fields.
///
/// The JSON is written by hand, which costs less than its encoder, and nothing is logged, so that what is measured is
/// the server and its router.
@main
struct HealthPeer {
    static func main() async throws {
        guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else {
            print("usage: HealthPeer PORT")
            return
        }
        let started = ContinuousClock.now
        let requestID = HTTPField.Name("x-request-id")!
        let serverTiming = HTTPField.Name("server-timing")!

        let router = Router()
        router.get("health") { _, _ -> Response in
            let milliseconds = (started.duration(to: .now) / .milliseconds(1)).rounded()
            let json =
                #"{"status":"ready","live":true,"ready":true,"model":"animals","version":"0.1.0","uptime_seconds":"#
                + "\(milliseconds / 1000)}"
            let fields: HTTPFields = [
                .contentType: "application/json",
                requestID: random128(),
                serverTiming: #"queue;dur=0.000, batch;desc="0 rows", compute;dur=0.000, decode;dur=0.000"#,
            ]
            return Response(status: .ok, headers: fields, body: .init(byteBuffer: ByteBuffer(string: json)))
        }
        var logger = Logger(label: "health-peer")
        logger.logLevel = .error
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
        try await app.runService()
    }

    /// 128 random bits, hexadecimal.
    private static func random128() -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bits = UInt128.random(in: .min ... .max)
        return String(unsafeUninitializedCapacity: 32) { buffer in
            for index in 0..<32 {
                buffer[index] = digits[Int(truncatingIfNeeded: bits & 15)]
                bits >>= 4
            }
            return 32
        }
    }
}
