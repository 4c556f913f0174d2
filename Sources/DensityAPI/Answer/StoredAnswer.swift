import Compression
import HTTPContent
import HTTPTypes
import HTTPWire
import Synchronization

/// An answer that is the same as long as the program runs: made and tagged when it is first asked for, and coded once, when the first
/// client takes a coding.
final class StoredAnswer: Sendable {
    private struct Made {
        var plain: ServerResponse
        var content: [UInt8]
        /// Whether a content coding pays.
        var pays: Bool
        var codings: [Coding: [UInt8]] = [:]
    }

    private let made = Mutex<Made?>(nil)
    private let fields: HTTPFields
    private let coding: AnswerCoding
    private let content: @Sendable () throws -> [UInt8]

    /// - Parameters:
    ///   - fields: those of the answer, beside those that its content has.
    ///   - content: makes the content; called once, or as long as it throws.
    init(
        type: MediaType, fields: HTTPFields = [:], _ coding: AnswerCoding,
        content: @escaping @Sendable () throws -> [UInt8]
    ) {
        self.fields = fields + [.contentType: type.description]
        self.coding = coding
        self.content = content
    }

    /// The answer in the coding that the client likes best. The first in each takes some milliseconds, so it is for a task; others
    /// that ask meanwhile wait for it.
    /// - Throws: what making the content throws.
    func response(for request: RoutedRequest) throws -> ServerResponse {
        try made.withLock { made in
            var stored = try made ?? make()
            defer { made = stored }
            guard stored.pays, let coding = request.acceptEncoding?.preferred else { return stored.plain }
            let coded = stored.codings[coding] ?? deflate(stored.content, coding: coding)
            stored.codings[coding] = coded
            var response = stored.plain
            response.fields[.contentEncoding] = coding.rawValue
            response.fields.vary(by: .acceptEncoding)
            response.body = .bytes(coded)
            return response
        }
    }

    private func make() throws -> Made {
        let content = try content()
        let plain = ServerResponse(status: .ok, fields: fields, body: .bytes(content)).tagged()
        return Made(plain: plain, content: content, pays: coding.pays(for: plain.fields, bytes: content.count))
    }
}
