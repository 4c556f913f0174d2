import DensityAPI
import FoundationEssentials
import HTTPContent
import HTTPTypes
import Imaging

/// The values of single fields and of a query.
@Sendable func fuzzFields(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let kind = input.byte() % 7
    guard let text = String(validating: input.takeAll(), as: UTF8.self) else { return }
    switch kind {
    case 0:
        let offers: [MediaType] = [.json, .png, .npy, .ndjson]
        let best: MediaType
        do throws(NotAcceptableError) {
            best = try Accept([.accept: text]).best(of: offers)
        } catch {
            return try require(error.offers == offers, "the error names \(error.offers)")
        }
        try require(offers.contains(best), "the answer was not offered")
    case 1:
        guard let type = MediaType(parsing: text) else { return }
        try require(MediaType(parsing: type.description) == .init(type.type, type.subtype), "\(type) reads otherwise")
        let quoted = type.parameters.map { name, value in
            // By bytes: a combining mark makes one character with the quote before it.
            let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
            let escaped = value.utf8.flatMap { $0 == quote || $0 == backslash ? [backslash, $0] : [$0] }
            return "; \(name)=\"\(String(decoding: escaped, as: UTF8.self))\""
        }
        try require(
            MediaType(parsing: type.description + quoted.joined()) == type, "the parameters read otherwise")
    case 2:
        let (count, temperature): (Int?, Double?)
        do throws(QueryError) {
            let query = try Query(text[...], known: ["count", "seed", "temperature", "fit"])
            count = try query.integer("count", in: 1...256)
            temperature = try query.positive("temperature", upTo: 2)
            _ = try query.unsigned("seed")
            _ = try query.choice("fit", of: ImageFit.self)
        } catch {
            let problem = Problem(error)
            try require([.parameter, .malformedRequest].contains(problem.kind), "another problem: \(problem)")
            return try require(problem.detail.utf8.count < 1024, "the problem repeats all that it was sent")
        }
        if let count { try require((1...256).contains(count), "a count out of its range") }
        if let temperature { try require(temperature > 0 && temperature <= 2, "a temperature out of its range") }
    case 4:
        guard let codings = AcceptEncoding([.acceptEncoding: text]) else { throw Violation("the field is overlooked") }
        try require(
            !codings.allowsNothing || codings.preferred == nil && codings.forced == nil,
            "a coding of a client that allows none")
        try require(codings.allowsIdentity || codings.allowsNothing || codings.forced != nil, "nothing is left to send")
    case 5:
        if let tag = EntityTag(parsing: text) {
            try require(EntityTag(parsing: tag.description) == tag, "\(tag) reads otherwise")
            let list = "\"a,b\", W/\(EntityTag(of: [1])) ,\t\(tag)"
            try require(tag.isNamed(in: [.ifNoneMatch: list]), "\(tag) is overlooked in a list")
        }
        _ = EntityTag(of: [1]).isNamed(in: [.ifNoneMatch: text])
    case 6:
        if let host = try? HostName(text) {
            try require((try? HostName(host.text)) == host, "\(host.text) reads otherwise")
        }
        if let origin = try? WebOrigin(text) {
            try require((try? WebOrigin(origin.text)) == origin, "\(origin.text) reads otherwise")
        }
    default:
        guard let decoded = percentDecoded(text[...]) else { return }
        let encoded = decoded.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        try require(percentDecoded(encoded[...]) == decoded, "encoded again it is another text")
    }
}

/// A `multipart/form-data` body, whose boundary is the input's first line.
@Sendable func fuzzMultipart(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    guard let end = bytes.firstIndex(of: 0x0A) else { return }
    let boundary = String(decoding: input.take(end), as: UTF8.self)
    _ = input.byte()
    let body = input.takeAll()
    let files: [MultipartFile]
    do throws(MultipartError) {
        files = try MultipartReader.files(in: body, boundary: boundary, maxFiles: 8)
    } catch {
        if case .malformed(let reason) = error {
            try require(!reason.isEmpty && reason.utf8.count < 512, "the error is \(error)")
        }
        return
    }
    try require(files.count <= 8, "more files than the limit")
    let delimiter = Array("\r\n--\(boundary)".utf8)
    var position = 0
    var again = Array(delimiter.dropFirst(2))
    for file in files {
        try require(position < file.content.lowerBound && file.content.upperBound <= body.count, "files overlap")
        position = file.content.upperBound
        let content = body[file.content]
        try require(content.firstRange(of: delimiter) == nil, "a file goes beyond its boundary")
        again += "\r\nContent-Disposition: form-data; name=f; filename=f\r\n".utf8
        if let type = file.mediaType { again += "Content-Type: \(type.description)\r\n".utf8 }
        again += "\r\n".utf8 + content + delimiter
    }
    let reread = try MultipartReader.files(in: again + "--\r\n".utf8, boundary: boundary, maxFiles: 8)
    try require(
        reread.map { Array(again[$0.content]) } == files.map { Array(body[$0.content]) },
        "put together again the files are others")
}

/// JSON: what is read is written and read again the same, and what we take Foundation takes too.
@Sendable func fuzzJSON(_ bytes: [UInt8]) throws {
    let limits = JSONReader.Limits(depth: 8, containers: 64)
    let value: JSON
    do throws(JSONError) {
        value = try JSONReader.read(bytes, limits: limits)
    } catch {
        return try require((0...bytes.count).contains(error.offset), "the error is outside of the text")
    }
    let again = try JSONReader.read(value.encoded, limits: limits)
    try require(again == value, "\(value) was written and read as \(again)")
    do {
        _ = try JSONDecoder().decode(AnyValue.self, from: Data(bytes))
    } catch {
        throw Violation("Foundation does not take it: \(error)")
    }
    let images: JSONImages
    do throws(Problem) {
        images = try JSONImages(value, maxImages: 4)
    } catch {
        return try require(error.kind != .internal, "an internal error: \(error.detail)")
    }
    try require((1...4).contains(images.items.count), "more images than the limit")
}

/// Any JSON value; Foundation has checked the text when it asks for one.
private struct AnyValue: Decodable {
    init(from _: any Decoder) {}
}
