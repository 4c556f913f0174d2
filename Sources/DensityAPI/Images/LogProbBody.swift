import FlowCore
import FlowModels
package import HTTPContent
import Imaging

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
        var isList: Bool
    }

    /// Rows of the model, or what is wrong with the image in that place.
    package var images: [Result<[UInt8], Problem>]
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
    package static let mediaTypes: [MediaType] = [.png, .jpeg, .multipart, .json, .npy, .octets]

    /// Bytes of room for what stands around the numbers: brackets, headers, boundaries.
    private static let overheadBytes = 64 << 10
    /// Bytes of one number as text: three digits, a comma and blanks; or of one 64-bit number of an NPY file.
    private static let bytesPerNumber = 8

    package init(input: ImageInput, options: APIOptions) {
        self.input = input
        self.options = options
    }

    /// The most bytes that are taken for a body of `type`: what the largest request needs.
    func limit(for type: MediaType) -> Int { min(needed(for: type), options.maxBodyBytes) }

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
        return LogProbBody(images: rows(of: parts.items[...]) { false }, isList: parts.isList)
    }

    /// Work to take a body apart, in units of a pixel of a scan: a byte of text takes about as long as one, of bytes that
    /// are looked through or copied sixty-four (docs/measurements/2026-11-30-decoding.md).
    func work(toTakeApart body: [UInt8], type: MediaType) -> Int {
        switch type {
        case _ where type.isSame(as: .json), _ where type.isSame(as: .multipart), _ where type.isSame(as: .npy):
            body.count
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
        guard body.count % dims == 0 else {
            throw Problem(
                .imageSize,
                "the body must be a multiple of \(dims) bytes \(input.expectedArray), not \(body.count)")
        }
        try checkCount(body.count / dims)
        let images = stride(from: 0, to: body.count, by: dims).map { start in
            Result { () throws(Problem) in try input.checkLevels(Array(body[start..<start + dims])) }
        }
        return LogProbBody.Parts(items: images.map { .row($0) }, isList: images.count > 1)
    }

    /// Reads an NPY array `[H, W]` or `[H, W, C]`, or a stack of them.
    private func npy(_ body: [UInt8]) throws -> LogProbBody.Parts {
        let array = try NPYArray.decode(body)
        let (axes, isStack) = try input.axes(of: array.shape)
        try checkCount(axes[0])
        let shape = EventShape(height: axes[1], width: axes[2], channels: axes[3])
        let values = array.doubles()
        let images = (0..<axes[0]).map { index in
            Result { () throws(Problem) in
                let levels = try values[index * shape.dims..<(index + 1) * shape.dims].map(input.level)
                return try input.pixels(
                    ofArray: levels, height: shape.height, width: shape.width, channels: shape.channels)
            }
        }
        return LogProbBody.Parts(items: images.map { .row($0) }, isList: isStack)
    }

    private func json(_ body: [UInt8], _ decoder: inout ImageDecoder) throws -> LogProbBody.Parts {
        let shape = input.shape
        let perImage = shape.height * (shape.width + 1) + 2
        let limits = JSONReader.Limits(
            containers: max(JSONReader.Limits().containers, options.maxRequestRows * perImage))
        let json = try JSONImages(JSONReader.read(body, limits: limits), maxImages: options.maxRequestRows)
        let items = json.items.map { item -> LogProbBody.Item in
            switch item {
            case .success(.encoded(let bytes)): decoder.plan(bytes[...])
            case .success(.flat(let values)): .row(Result { () throws(Problem) in try input.pixels(ofFlat: values) })
            case .success(.array(let values, let height, let width, let channels)):
                .row(
                    Result { () throws(Problem) in
                        try input.pixels(ofArray: values, height: height, width: width, channels: channels)
                    })
            case .failure(let problem): .row(.failure(problem))
            }
        }
        return LogProbBody.Parts(items: items, isList: json.isList)
    }

    private func multipart(
        _ body: [UInt8], _ type: MediaType, _ decoder: inout ImageDecoder
    ) throws -> LogProbBody.Parts {
        guard let boundary = type.parameters["boundary"] else {
            throw Problem(.malformedBody, "Content-Type: multipart/form-data has no boundary")
        }
        let files = try MultipartReader.files(in: body, boundary: boundary, maxFiles: options.maxRequestRows)
        try checkCount(files.count)
        let items = files.map { file -> LogProbBody.Item in
            if let type = file.mediaType, !Self.fileTypes.contains(where: type.isSame) {
                let names = Self.fileTypes.map(\.description).joined(separator: ", ")
                return .row(
                    .failure(
                        Problem(
                            .unsupportedMediaType,
                            "image: Content-Type \(quoted(type.description)) is not one of \(names)")))
            }
            return decoder.plan(body[file.content])
        }
        return LogProbBody.Parts(items: items, isList: items.count > 1)
    }

    /// Media types that the files of a multipart body may name.
    private static let fileTypes: [MediaType] = [.png, .jpeg, .octets]
}
