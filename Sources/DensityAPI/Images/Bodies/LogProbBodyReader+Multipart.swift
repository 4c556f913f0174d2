import HTTPContent
import Imaging

/// Bodies of several files.
extension LogProbBodyReader {
    func multipart(
        _ body: [UInt8], _ type: MediaType, _ decoder: inout ImageDecoder
    ) throws -> LogProbBody.Parts {
        let files = try MultipartReader.files(in: body, type: type, maxFiles: options.maxRequestRows)
        var parts = LogProbBody.Parts(items: [], isList: false)
        for file in files {
            let items = items(of: file, body[file.content], &decoder)
            parts.items += items
            parts.files += items.map { _ in file.fileName }
        }
        try checkCount(parts.items.count)
        parts.isList = parts.items.count > 1
        return parts
    }

    /// What there is to decode of a file of a multipart body: of an NPY array each of its images.
    func items(
        of file: MultipartFile, _ content: ArraySlice<UInt8>, _ decoder: inout ImageDecoder
    ) -> [LogProbBody.Item] {
        if let type = file.mediaType?.standard, type.type != "image", !Self.fileTypes.contains(where: type.isSame) {
            let advice = type.type == "multipart" ? ", and parts in parts are not read" : BodyType.advice(on: type)
            let names = Self.fileTypes.map(\.description).joined(separator: ", ")
            return [
                .row(
                    .failure(
                        Problem(
                            .unsupportedMediaType,
                            "image: Content-Type \(quoted(type.description)) is not one of \(names)\(advice)")))
            ]
        }
        let bytes = Array(content)
        guard NPYArray.isNPY(bytes) else { return [decoder.plan(content)] }
        do {
            return try npy(bytes).items
        } catch {
            guard let problem = Problem(of: error) else { preconditionFailure("bodies have no other errors") }
            return [.row(.failure(problem))]
        }
    }

    /// Media types that the files of a multipart body may name, beside any of an image; their first bytes tell what they are.
    private static let fileTypes: [MediaType] = [.png, .jpeg, .webp, .npy, .octets]
}

extension MultipartReader {
    /// The files of a body of `type`, `maxFiles` at most.
    /// - Throws: ``MultipartError``; ``ProblemKind/malformedBody`` without a boundary.
    static func files(in body: [UInt8], type: MediaType, maxFiles: Int) throws -> [MultipartFile] {
        guard let boundary = type.parameters["boundary"] else {
            throw Problem(.malformedBody, "Content-Type: multipart/form-data has no boundary")
        }
        return try files(in: body, boundary: boundary, maxFiles: maxFiles)
    }
}
