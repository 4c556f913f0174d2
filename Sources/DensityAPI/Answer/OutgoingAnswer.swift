import Compression
import HTTPWire
import Serving

/// An answer on its way to the client, through the answer steps of ``Steps``.
struct OutgoingAnswer: Sendable {
    var response: ServerResponse
    /// Head of the request that it answers; nil when it could not be parsed.
    let request: ReceivedHead?
    /// Labels that the head steps gave the request.
    let labels: ExchangeLabels
    /// Content coding that the fields already name, and ``coded(_:)`` applies; nil for none.
    var coding: Coding?

    init(response: ServerResponse, request: ReceivedHead?, labels: ExchangeLabels) {
        self.response = response
        self.request = request
        self.labels = labels
    }

    /// Whether ``coded(_:)`` does so little that it need not leave a connection's queue.
    func isCodedInline(_ context: APIContext) -> Bool {
        guard coding != nil, case .bytes(let bytes) = response.body else { return true }
        return bytes.count <= context.options.inlineBytes
    }

    /// The answer with its content coded, or, for a stream, coded part by part as it is sent.
    func coded(_ context: APIContext) -> ServerResponse {
        guard let coding else { return response }
        var response = response
        switch response.body {
        case .none: break
        case .bytes(let bytes): response.body = .bytes(deflated(bytes, coding))
        case .stream(let stream): response.body = .stream(CodedStream.parts(of: stream, coding, context))
        }
        return response
    }

    /// The answer with its content coded, by a helper thread.
    func codedByHelper(_ context: APIContext) async -> ServerResponse {
        await context.helpers.run { coded(context) }
    }
}
