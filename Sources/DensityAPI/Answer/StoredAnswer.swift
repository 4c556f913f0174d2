import Compression
import HTTPContent
import HTTPTypes
import HTTPWire

/// An answer that is the same as long as the program runs: tagged, and coded once.
struct StoredAnswer: Sendable {
    private let plain: ServerResponse
    private let codings: [Coding: [UInt8]]

    init(type: MediaType, content: [UInt8], _ coding: AnswerCoding) {
        plain = ServerResponse(status: .ok, fields: [.contentType: type.description], body: .bytes(content)).tagged()
        let pays = coding.pays(for: plain.fields, bytes: content.count)
        codings =
            pays ? Dictionary(uniqueKeysWithValues: Coding.allCases.map { ($0, deflate(content, coding: $0)) }) : [:]
    }

    /// The answer in the coding that the client likes best.
    func response(for request: RoutedRequest) -> ServerResponse {
        guard let coding = request.acceptEncoding?.preferred, let coded = codings[coding] else { return plain }
        var response = plain
        response.fields[.contentEncoding] = coding.rawValue
        response.fields.vary(by: .acceptEncoding)
        response.body = .bytes(coded)
        return response
    }
}
