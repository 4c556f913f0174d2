import Compression
import HTTPContent
import HTTPTypes
import HTTPWire
import Synchronization

/// An answer that is the same as long as the program runs: tagged, and coded once, when the first client takes a coding.
final class StoredAnswer: Sendable {
    private let plain: ServerResponse
    private let content: [UInt8]
    /// Whether a content coding pays.
    private let pays: Bool
    private let codings = Mutex<[Coding: [UInt8]]>([:])

    init(type: MediaType, content: [UInt8], _ coding: AnswerCoding) {
        plain = ServerResponse(status: .ok, fields: [.contentType: type.description], body: .bytes(content)).tagged()
        self.content = content
        pays = coding.pays(for: plain.fields, bytes: content.count)
    }

    /// The answer in the coding that the client likes best. The first in each takes some milliseconds, so it is for a task.
    func response(for request: RoutedRequest) -> ServerResponse {
        guard pays, let coding = request.acceptEncoding?.preferred else { return plain }
        var response = plain
        response.fields[.contentEncoding] = coding.rawValue
        response.fields.vary(by: .acceptEncoding)
        response.body = .bytes(coded(coding))
        return response
    }

    private func coded(_ coding: Coding) -> [UInt8] {
        if let coded = codings.withLock({ $0[coding] }) { return coded }
        // Two of the first at a time make it twice.
        let coded = deflate(content, coding: coding)
        codings.withLock { $0[coding] = coded }
        return coded
    }
}
