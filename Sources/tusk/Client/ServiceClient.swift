import HTTPServer

/// Client of a running service: one question a connection, in plain HTTP, and by TLS where the port wants that; bounded in time and in
/// bytes read.
struct ServiceClient {
    /// Answer to a question.
    struct Answer: Equatable {
        var status: Int
        var body: [UInt8] = []
    }

    /// Addresses of the service, at least one, which are tried in turn.
    var addresses: [SocketAddress]
    /// Time for connecting, asking and the answer together.
    var timeout: Duration
    /// Most bytes of an answer, its head among them.
    var answerLimit = Self.defaultAnswerLimit
    /// Key that is sent with every question; the certificate of who gets it is not verified.
    var key: String?
    /// Whether the port was found to speak TLS.
    private var speaksTLS = false

    /// Default of ``answerLimit``: the metrics of a thousand models take less.
    static let defaultAnswerLimit = 16 << 20

    init(addresses: [SocketAddress], timeout: Duration) {
        self.addresses = addresses
        self.timeout = timeout
    }

    /// Returns if `GET /health/ready` is answered 200; nothing else is read of the answer.
    mutating func checkReady() throws(ServiceClientError) {
        let answer = try ask("/health/ready", accept: nil) { connection throws(ServiceClientError) in
            Answer(status: try connection.status())
        }
        guard answer.status == 200 else { throw .notReady(status: answer.status) }
    }

    /// The answer to `GET path`.
    mutating func get(_ path: String, accept: String? = nil) throws(ServiceClientError) -> Answer {
        let (limit, path) = (answerLimit, path)
        return try ask(path, accept: accept) { connection throws(ServiceClientError) in
            try connection.answer(to: path, limit: limit)
        }
    }

    private mutating func ask(
        _ path: String, accept: String?,
        _ read: (borrowing ServiceConnection) throws(ServiceClientError) -> Answer
    ) throws(ServiceClientError) -> Answer {
        var request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let accept { request += "Accept: \(accept)\r\n" }
        if let key { request += "Authorization: Bearer \(key)\r\n" }
        let bytes = Array((request + "\r\n").utf8)
        let deadline = Deadline(after: timeout)
        func ask(byTLS: Bool) throws(ServiceClientError) -> Answer {
            let connection = try ServiceConnection.open(addresses, byTLS: byTLS, until: deadline)
            try connection.send(bytes)
            return try read(connection)
        }
        let answer = try ask(byTLS: speaksTLS)
        // So a port of ours that speaks TLS answers plain HTTP.
        guard answer.status == 400, !speaksTLS else { return answer }
        do throws(ServiceClientError) {
            let answer = try ask(byTLS: true)
            speaksTLS = true
            return answer
        } catch {
            throw .notByTLS(error)
        }
    }
}
