package import HTTPTypes
import System

/// Writer of answers by RFC 9112, sections 4 to 7.
package enum ResponseEncoder {
    /// Framing of an answer, by which the client finds its end.
    package enum Framing: Equatable, Sendable {
        /// 204 and 304 have no body and say no length.
        case none
        case length(Int)
        case chunked
        /// The end of the connection ends the answer: HTTP/1.0 has no chunks.
        case untilClose
    }

    /// The framing of `response` for a client that speaks `version`.
    package static func framing(of response: ServerResponse, version: HTTPVersion) -> Framing {
        if response.status == .noContent || response.status == .notModified { return .none }
        return switch response.body {
        case .none: .length(0)
        case .bytes(let bytes): .length(bytes.count)
        case .stream: version == .http11 ? .chunked : .untilClose
        }
    }

    /// Appends the head of an answer.
    /// - Parameters:
    ///   - keepAlive: whether the connection can be used again; said where it is not what the version implies.
    ///   - date: the value of Date.
    package static func encodeHead(
        _ status: HTTPResponse.Status, _ fields: HTTPFields, framing: Framing, version: HTTPVersion, keepAlive: Bool,
        date: [UInt8], into output: inout OutputBuffer
    ) {
        precondition(status.code >= 200, "a handler gives final answers only")
        let reason = status.reasonPhrase
        // What is beside the fields has a few words and two numbers.
        var room = 256 + reason.utf8.count + date.count
        // by index: the iterator allocates in debug builds, where the tests count
        for index in 0..<fields.count {
            let field = fields[index]
            unsafe room += field.name.canonicalName.utf8.count + field.withUnsafeBytesOfValue { $0.count } + 4
        }
        output.append(room: room) { output in
            output.append("HTTP/1.1 ")
            output.append(decimal: status.code)
            output.append(UInt8(ascii: " "))
            output.append(reason)
            output.append("\r\ndate: ")
            output.append(date.span)
            for index in 0..<fields.count {
                let field = fields[index]
                if isOurs(field.name) { continue }
                output.append("\r\n")
                output.append(field.name.canonicalName)
                output.append(": ")
                unsafe field.withUnsafeBytesOfValue { unsafe output.append($0.span) }
            }
            switch framing {
            case .none, .untilClose: break
            case .length(let length):
                output.append("\r\ncontent-length: ")
                output.append(decimal: length)
            case .chunked: output.append("\r\ntransfer-encoding: chunked")
            }
            switch (version, keepAlive) {
            case (.http11, true): break
            case (.http10, true): output.append("\r\nconnection: keep-alive")
            case (_, false): output.append("\r\nconnection: close")
            }
            output.append("\r\n\r\n")
        }
    }

    /// Appends one chunk; an empty one would end the body, and is left out.
    package static func encodeChunk(_ bytes: [UInt8], into output: inout OutputBuffer) {
        if bytes.isEmpty { return }
        output.append(String(bytes.count, radix: 16))
        output.append("\r\n")
        output.append(bytes)
        output.append("\r\n")
    }

    /// Appends the chunk that ends a body, without trailer fields.
    package static func encodeLastChunk(into output: inout OutputBuffer) {
        output.append("0\r\n\r\n")
    }

    /// Appends the interim answer 100 (Continue).
    package static func encodeContinue(into output: inout OutputBuffer) {
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// Whether the server says `name` itself, so that a handler's word on it is dropped.
    private static func isOurs(_ name: HTTPField.Name) -> Bool {
        let name = name.canonicalName
        // The length tells nearly every other name apart.
        return switch name.utf8.count {
        case 4: name == "date"
        case 7: name == "upgrade"
        case 10: name == "connection" || name == "keep-alive"
        case 14: name == "content-length"
        case 17: name == "transfer-encoding"
        default: false
        }
    }
}
