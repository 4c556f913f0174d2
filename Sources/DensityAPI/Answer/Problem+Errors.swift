package import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
package import Serving

/// Problems that a client is told of for the errors of every module below: here and nowhere else.
extension Problem {
    /// The problem that `error` is to a client; nil for an error that no client is told of.
    package init?(of error: any Error) {
        switch error {
        case let error as Problem: self = error
        case let error as NotAcceptableError: self.init(error)
        case let error as QueryError: self.init(error)
        case let error as JSONError: self.init(error)
        case let error as MultipartError: self.init(error)
        case let error as ImagingError: self.init(error)
        case let error as ServingError: self.init(error)
        case let error as ModelExchangeError: self.init(error)
        case let error as DecodingRefusal: self.init(error)
        case let error as HTTPServerError: self.init(error)
        case let error as RateRefusal: self.init(error)
        default: return nil
        }
    }
}

// MARK: - Content of requests

extension Problem {
    init(_ error: NotAcceptableError) {
        let names = error.offers.map(\.description).joined(separator: ", ")
        self.init(.notAcceptable, "Accept: the answer can be \(names)")
    }

    /// The problem that `error` is to a client.
    package init(_ error: QueryError) {
        switch error {
        case .malformed: self.init(.malformedRequest, "the query is not percent-encoded UTF-8")
        case .unknown(let name, let known):
            let list = known.isEmpty ? "there are none here" : "known are \(known.joined(separator: ", "))"
            self.init(.parameter, "unknown query parameter \(quoted(name)): \(list)")
        case .repeated(let name): self.init(.parameter, "\(name) is given twice")
        case .invalid(let name, let expected, let value):
            self.init(.parameter, "\(name) must be \(expected), not \(quoted(value))")
        }
    }

    init(_ error: JSONError) {
        self.init(.malformedBody, "the body is not JSON: at byte \(error.offset), \(error.reason)")
    }

    init(_ error: MultipartError) {
        switch error {
        case .malformed(let reason): self.init(.malformedBody, "the body is not multipart/form-data: \(reason)")
        case .tooManyFiles(let limit): self.init(.imageCount, "the body has more than the limit of \(limit) files")
        }
    }

    init(_ error: ImagingError) {
        switch error {
        case .unknownFormat(let kind):
            let advice = kind?.advice.map { "; \($0)" } ?? ""
            self.init(
                kind?.isUnreadPicture == true ? .unsupportedMediaType : .imageDamaged,
                "image: expected \(ImageFormat.choice), but the bytes are \(kind?.phrase ?? "of no known kind")\(advice)"
            )
        case .tooLarge("scans", let value, let limit):
            self.init(.imageWork, "image: it has \(value) scans; at most \(limit) can be decoded here")
        case .tooLarge("pixels times scans", let value, let limit):
            self.init(
                .imageWork, "image: its pixels times its scans are \(value); at most \(limit) can be decoded here")
        case .tooLarge(let quantity, let value, let limit):
            self.init(.imageSize, "image: its \(quantity) is \(value); at most \(limit) can be decoded here")
        case .damaged(let format, let reason):
            self.init(.imageDamaged, "image: the \(format.rawValue) is damaged or cut off: \(reason)")
        case .unsupported(let format, let feature):
            self.init(.imageMode, "image: a \(format.rawValue) with \(feature) cannot be decoded")
        case .notEncodable: self.init(.internal, "the image could not be encoded")
        case .stopped: self.init(.internal, "the request could not be answered")
        case .invalidNPY(let field, let expected, let found):
            self.init(
                .malformedBody,
                "the body is not an NPY array: its \(field) should be \(expected), not \(quoted(found))")
        }
    }
}

// MARK: - The service and the server

extension Problem {
    /// Seconds to wait, at least and at most.
    private static let retrySeconds = 1.0...3600.0
    /// Factors by which clients that were turned away together come back apart.
    private static let retryJitter = 0.8...1.2

    static func retry(after wait: Duration) -> HTTPFields {
        let seconds = (wait / .seconds(1) * Double.random(in: retryJitter)).rounded(.up)
        return [.retryAfter: String(Int(min(max(seconds, retrySeconds.lowerBound), retrySeconds.upperBound)))]
    }

    /// Fields of an answer that turns a request away for want of capacity: when to come back, and why in one word.
    private static func dropped(_ kind: ProblemKind, retryAfter wait: Duration) -> HTTPFields {
        var fields = retry(after: wait)
        fields[.droppedReason] = kind.rawValue
        return fields
    }

    init(_ error: ServingError) {
        switch error {
        case .unknownModel(let name):
            self.init(.unknownModel, "model: no model called \(quoted(name)) is loaded")
        case .queueFull(let waiting, let limit, let retryAfter):
            self.init(
                .queueFull, "the queue holds \(waiting) of at most \(limit) rows",
                fields: Self.dropped(.queueFull, retryAfter: retryAfter))
        case .tooLate(let wait, let deadline):
            self.init(
                .tooLate,
                "by the measured cost of what waits before it, the answer would take \(wait.inSeconds) s; the time limit is "
                    + "\(deadline.inSeconds) s", fields: Self.dropped(.tooLate, retryAfter: wait - deadline))
        case .loading:
            self.init(.loading, "the model is being loaded", fields: Self.dropped(.loading, retryAfter: .zero))
        case .rests(let name):
            self.init(
                .loading, "model: \(quoted(name)) was unused, and could not be loaded again",
                fields: Self.dropped(.loading, retryAfter: .zero))
        case .draining:
            self.init(
                .draining, "the service takes no new requests", fields: Self.dropped(.draining, retryAfter: .zero))
        case .deadlinePassed(let finished, let rows):
            self.init(
                .deadline, "the request's time limit passed when \(finished) of its \(rows) rows had run",
                fields: Self.retry(after: .zero))
        case .cancelled, .badModelSet, .selfTestFailed:
            self.init(.internal, "the request could not be answered")
        }
    }

    init(_ refusal: RateRefusal) {
        let state = refusal.overdraft > 0 ? "overdrawn by \(refusal.overdraft)" : "used up"
        self.init(
            .rateLimited,
            "\(refusal.kind.rawValue): the limit of the key \(refusal.keyName), \(refusal.rate), is \(state); there is room again in "
                + "\(Double(refusal.wait.dividedUp(by: 1_000_000)) / 1000) s",
            fields: [.retryAfter: String(refusal.wait.dividedUp(by: 1_000_000_000))])
    }

    init(_ error: ModelExchangeError) {
        switch error {
        case .unknown: self.init(.unknownModel, "model: \(error)")
        case .failed, .isDefault: self.init(.modelUnchanged, "model: \(error)")
        case .overMemory: self.init(.modelMemory, "model: \(error)")
        }
    }

    init(_ refusal: DecodingRefusal) {
        switch refusal {
        case .deadlinePassed:
            self.init(
                .deadline, "the request's time limit passed before its images were decoded",
                fields: Self.retry(after: .zero))
        case .full(let requests, let limit, let retryAfter):
            self.init(
                .queueFull, "the decoding queue holds \(requests) of at most \(limit) requests",
                fields: Self.dropped(.queueFull, retryAfter: retryAfter))
        case .late(let wait, let left):
            self.init(
                .tooLate,
                "the images would be decoded in \(wait.inSeconds) s, and the request's time limit passes in "
                    + "\(left.inSeconds) s", fields: Self.dropped(.tooLate, retryAfter: wait - left))
        }
    }

    /// The problem of an image that has no density.
    package init(_ failure: RowFailure) {
        switch failure {
        case .notFinite: self.init(.densityNotFinite, "image: the model has no finite density there")
        case .refused: self.init(.internal, "image: the model could not compute its density")
        }
    }

    init(_ error: HTTPServerError) {
        switch error {
        case .malformed(let reason): self.init(.malformedRequest, reason)
        case .encryptionRequired: self.init(.encryptionRequired, "this port speaks TLS; use https://")
        case .targetTooLong(let limit):
            self.init(.targetTooLong, "the request line is longer than \(limit) bytes")
        case .fieldsTooLarge(let limit, let unit):
            self.init(.fieldsTooLarge, "the header fields are more than \(limit) \(unit)")
        case .bodyTooLarge(let limit): self.init(.bodyTooLarge, "the body is larger than \(limit) bytes")
        case .bodyMemoryFull(let limit):
            self.init(
                .bodyMemoryFull, "the bodies of all requests would take more than \(limit) bytes",
                fields: Self.dropped(.bodyMemoryFull, retryAfter: .zero))
        case .clientMemoryFull(let limit):
            self.init(
                .bodyMemoryFull,
                "the bodies of this client would take more than \(limit) bytes, its part of the memory",
                fields: Self.dropped(.bodyMemoryFull, retryAfter: .zero))
        case .lengthRequired:
            self.init(.lengthRequired, "neither Content-Length nor Transfer-Encoding: chunked was given")
        case .unsupportedContentCoding(let coding):
            self.init(
                .unsupportedContentCoding, "Content-Encoding \(quoted(coding)) is not one of gzip, deflate, identity",
                fields: [.acceptEncoding: "gzip, deflate, identity"])
        case .badContentCoding(let reason):
            self.init(.malformedBody, "the body's content coding is damaged: \(reason)")
        case .expectationFailed: self.init(.expectationFailed, "Expect is not 100-continue")
        case .unsupportedMethod: self.init(.unsupportedMethod, "CONNECT is for proxies")
        case .unsupportedVersion: self.init(.unsupportedVersion, "the HTTP version is not 1.0 or 1.1")
        case .unsupportedTransferCoding: self.init(.unsupportedTransferCoding, "Transfer-Encoding is not chunked")
        case .timeout(let seconds):
            self.init(.requestTimeout, "the head of the request did not arrive within \(seconds) s")
        case .bodyTooSlow(let minimumRate, let seconds):
            self.init(
                .requestTimeout, "less than \(minimumRate) bytes a second of the body arrived, for \(seconds) s")
        }
    }
}

extension UInt64 {
    /// The quotient, rounded up: who comes back earlier than that is refused again.
    fileprivate func dividedUp(by divisor: UInt64) -> UInt64 { self / divisor + (self % divisor > 0 ? 1 : 0) }
}

extension Duration {
    /// Seconds to a thousandth, as an error says them.
    fileprivate var inSeconds: Double { (self / .seconds(1) * 1000).rounded() / 1000 }
}
