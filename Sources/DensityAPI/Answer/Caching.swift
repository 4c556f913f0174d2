import HTTPContent
import HTTPTypes
import HTTPWire

/// Rule of how an answer may be kept (RFC 9111, section 5.2.2).
enum CachePolicy: String {
    /// The answer may be kept, but is used again only once the service says that it is still right.
    case revalidate = "no-cache"
    /// The answer is of now, or of this request alone.
    case never = "no-store"
}

extension ServerResponse {
    /// The answer with a strong tag of its content, to be asked for again before it is used again.
    func tagged() -> ServerResponse {
        guard case .bytes(let bytes) = body else { return self }
        var response = self
        response.fields[.eTag] = EntityTag(of: bytes).description
        response.fields[.cacheControl] = CachePolicy.revalidate.rawValue
        return response
    }

    /// Completes the tag by the content coding, and drops the content if the client has it: 304, with the fields that
    /// section 15.4.5 of RFC 9110 wants.
    mutating func applyCondition(of request: HTTPRequest) {
        guard status == .ok, fields.contains(.eTag), var tag = fields[.eTag].flatMap({ EntityTag(parsing: $0) }) else {
            return
        }
        if let coding = fields[.contentEncoding] {
            tag = tag.coded(coding)
            fields[.eTag] = tag.description
        }
        guard request.method == .get || request.method == .head, tag.isNamed(in: request.headerFields) else { return }
        status = .notModified
        fields[.contentType] = nil
        fields[.contentEncoding] = nil
        body = .none
    }
}
