import FlowCore
import FlowModels
package import HTTPContent
import Imaging
import System

/// The images of a `/logprob` body, held against the model.
package struct LogProbBody: Sendable {
    /// Image of a body that was taken apart, and not decoded.
    enum Item: Sendable {
        /// A row of the model, or what is wrong with the image.
        case row(Result<[UInt8], Problem>)
        case encoded(EncodedImage)
    }

    /// A body that was taken apart; its images are still to be decoded.
    struct Parts: Sendable {
        var items: [Item]
        /// Names of the files that the items are of; none but in multipart bodies.
        var files: [String?] = []
        var isList: Bool
    }

    /// Rows of the model, or what is wrong with the image in that place.
    package var images: [Result<[UInt8], Problem>]
    /// Names of the files that the images are of, at their indices; none but in multipart bodies.
    package var files: [String?] = []
    /// Whether the answer is a list, although it may hold one image.
    package var isList: Bool
    /// Time of threads of the decoding lane that its images took; zero of what is decoded in place.
    package var decodingTime = Duration.zero
}

/// Reader of the bodies that `/logprob` takes, by their media type.
package struct LogProbBodyReader: Sendable {
    var input: ImageInput
    var options: APIOptions

    /// Media types of bodies, in the order in which `Accept` of a 415 names them.
    package static let mediaTypes: [MediaType] = [.png, .jpeg, .webp, .multipart, .json, .npy, .octets]

    /// Bytes of room for what stands around the numbers: brackets, headers, boundaries.
    private static let overheadBytes = 64 << 10
    /// Bytes of one number as text: three digits, a comma and blanks; or of one 64-bit number of an NPY file.
    private static let bytesPerNumber = 8

    package init(input: ImageInput, options: APIOptions) {
        self.input = input
        self.options = options
    }

    /// The most bytes that are taken for a body of `type`: what the largest request needs.
    func limit(for type: BodyType) -> Int {
        let needed = type.named.map(needed) ?? Self.mediaTypes.map(needed).max()!  // there are some
        return min(needed, options.maxBodyBytes)
    }

    private func needed(for type: MediaType) -> Int {
        let numbers = options.maxRequestRows * input.shape.dims
        switch type {
        case _ where type.isSame(as: .octets): return numbers
        case _ where type.isSame(as: .npy): return numbers * Self.bytesPerNumber + Self.overheadBytes
        case _ where type.isSame(as: .json), _ where type.isSame(as: .multipart):
            return max(options.maxImageBytes, numbers * Self.bytesPerNumber + Self.overheadBytes)
        default: return options.maxImageBytes
        }
    }

    /// Reads the images of a body.
    /// - Throws: an error of which ``Problem/init(of:)`` makes a problem of the body as a whole; those of images stand in
    ///   their places.
    package func read(_ body: [UInt8], type: MediaType) throws -> LogProbBody {
        let parts = try parts(of: body, type: type)
        return LogProbBody(images: rows(of: parts.items[...]) { false }, files: parts.files, isList: parts.isList)
    }

    /// Work to take a body apart, in units of a pixel of a scan: a byte of text takes about as long as one, of bytes that
    /// are looked through or copied sixty-four (docs/measurements/2026-11-30-decoding.md).
    func work(toTakeApart body: [UInt8], type: MediaType) -> Int {
        switch type {
        case _ where [.json, .ndjson, .multipart, .npy].contains(where: type.isSame): body.count
        default: body.count / 64
        }
    }

    /// Rows of items that were taken apart; those that come after `isStopped` has said yes are not decoded.
    func rows(of items: ArraySlice<LogProbBody.Item>, isStopped: @escaping () -> Bool) -> [Result<[UInt8], Problem>] {
        let decoder = ImageDecoder(input: input, options: options)
        return items.map { item in
            switch item {
            case .row(let row): row
            case .encoded(let image): decoder.row(of: image, isStopped: isStopped)
            }
        }
    }

    /// Takes a body apart.
    /// - Throws: as ``read(_:type:)``.
    func parts(of body: [UInt8], type: MediaType) throws -> LogProbBody.Parts {
        var decoder = ImageDecoder(input: input, options: options)
        switch type {
        case _ where type.isSame(as: .octets): return try octets(body)
        case _ where type.isSame(as: .npy): return try npy(body)
        case _ where type.isSame(as: .json): return try json(body, &decoder)
        case _ where type.isSame(as: .ndjson): return lines(body, &decoder)
        case _ where type.isSame(as: .multipart): return try multipart(body, type, &decoder)
        default: return LogProbBody.Parts(items: [decoder.plan(body[...])], isList: false)
        }
    }

    private func checkCount(_ count: Int) throws(Problem) {
        guard (1...options.maxRequestRows).contains(count) else {
            throw Problem(
                .imageCount, "the number of images must be from 1 to \(options.maxRequestRows), not \(count)")
        }
    }

    /// Reads rows of levels, one after another.
    private func octets(_ body: [UInt8]) throws -> LogProbBody.Parts {
        let dims = input.shape.dims
        if input.terms.scale == .unit {
            throw Problem(
                .parameter,
                "scale: bytes of \(MediaType.octets) are levels; fractions are sent as \(MediaType.npy) or \(MediaType.json)"
            )
        }
        guard body.count % dims == 0 else {
            let kind = fileKind(of: body).map { ", and its first bytes are those of \($0.phrase)" } ?? ""
            throw Problem(
                .imageSize,
                "the body must be a multiple of \(dims) bytes, \(input.shape) (height x width x channels), and has "
                    + "\(body.count)\(kind)")
        }
        try checkCount(body.count / dims)
        let images = stride(from: 0, to: body.count, by: dims).map { start in
            Result { () throws(Problem) in input.arranged(try input.checkLevels(Array(body[start..<start + dims]))) }
        }
        return LogProbBody.Parts(items: images.map { .row($0) }, isList: images.count > 1)
    }

    /// Reads an NPY array of one image, or a stack of them.
    private func npy(_ body: [UInt8]) throws -> LogProbBody.Parts {
        let array = try NPYArray.decode(body)
        return try parts(of: array, input.layout(of: array.shape))
    }

    private func parts(of array: NPYArray, _ layout: ArrayLayout) throws(Problem) -> LogProbBody.Parts {
        // the layout is one of this shape
        try checkCount(layout.sides(of: array.shape)!.count)
        return LogProbBody.Parts(items: try input.rows(of: array, layout).map { .row($0) }, isList: layout.isStack)
    }

    private func json(_ body: [UInt8], _ decoder: inout ImageDecoder) throws -> LogProbBody.Parts {
        let value = try JSONReader.read(body, limits: textLimits(images: options.maxRequestRows))
        if let (array, layout) = try wholeArray(value) { return try parts(of: array, layout) }
        let json = try JSONImages(value, maxImages: options.maxRequestRows)
        let items = json.items.map { result -> LogProbBody.Item in
            switch result {
            case .success(let image): item(image, &decoder)
            case .failure(let problem): .row(.failure(problem))
            }
        }
        return LogProbBody.Parts(items: items, isList: json.isList)
    }

    /// Bounds of a text of so many images.
    private func textLimits(images: Int) -> JSONReader.Limits {
        let shape = input.shape
        let perImage = shape.height * (max(shape.width, shape.channels) + 1) + 2
        return JSONReader.Limits(containers: max(JSONReader.Limits().containers, images * perImage))
    }

    /// Reads a JSON text a line, each an image as those of a list are; the lines are whole, and none is empty.
    private func lines(_ body: [UInt8], _ decoder: inout ImageDecoder) -> LogProbBody.Parts {
        let limits = textLimits(images: 1)
        let items = body.split(separator: ASCII.lineFeed).map { line -> LogProbBody.Item in
            do throws(Problem) {
                let value: JSON
                do throws(JSONError) {
                    value = try JSONReader.read(Array(line), limits: limits)
                } catch {
                    throw Problem(.malformedBody, "the line is not JSON: at byte \(error.offset), \(error.reason)")
                }
                return item(try JSONImage(value), &decoder)
            } catch {
                return .row(.failure(error))
            }
        }
        return LogProbBody.Parts(items: items, isList: true)
    }

    /// The array that a list at the top is as a whole, with its layout; nil for a list of images, each by itself.
    /// - Throws: ``ProblemKind/imageSize`` for one that can be read in two ways.
    private func wholeArray(_ value: JSON) throws(Problem) -> (NPYArray, ArrayLayout)? {
        let outline = NPYArray.outline(of: value)
        // images whose numbers stand in a row
        guard outline.count > 1, outline != [outline[0], input.shape.dims] else { return nil }
        let layout: ArrayLayout
        if let asked = input.terms.layout {
            guard asked.sides(of: outline) != nil else { return nil }
            layout = asked
        } else {
            do throws(ArrayLayoutError) {
                layout = try input.reading(of: outline, converting: input.terms.fit != nil)
            } catch {
                if case .several = error { throw input.problem(error) }
                return nil
            }
        }
        // lists of different lengths are images of which some are bad
        return (try? NPYArray(value)).map { ($0, layout) }
    }

    /// What there is to decode of an image of a JSON body.
    func item(_ image: JSONImage, _ decoder: inout ImageDecoder) -> LogProbBody.Item {
        switch image {
        case .encoded(let bytes): decoder.plan(bytes[...])
        case .array(let array): .row(Result { () throws(Problem) in try row(of: array) })
        }
    }

    /// The model's row of an array that is one image.
    private func row(of array: NPYArray) throws(Problem) -> [UInt8] {
        if array.shape.count == 1 { return try input.row(ofFlat: array) }
        let layout = try input.layout(of: array.shape)
        let rows = try input.rows(of: array, layout)
        guard rows.count == 1 else {
            throw Problem(
                .imageCount, "image: it is \(rows.count) images, \(layout.rawValue); many are {\"images\": [X, …]}")
        }
        return try rows[0].get()
    }

    private func multipart(
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
            let nested = type.type == "multipart" ? ", and parts in parts are not read" : ""
            let names = Self.fileTypes.map(\.description).joined(separator: ", ")
            return [
                .row(
                    .failure(
                        Problem(
                            .unsupportedMediaType,
                            "image: Content-Type \(quoted(type.description)) is not one of \(names)\(nested)")))
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
