import FlowCore
import FlowModels
package import HTTPContent
import Imaging

/// The images of a `/logprob` body, held against the model.
package struct LogProbBody: Sendable {
    /// Rows of the model, or what is wrong with the image in that place.
    package var images: [Result<[UInt8], Problem>]
    /// Whether the answer is a list, although it may hold one image.
    package var isList: Bool
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
        var decoder = ImageDecoder(input: input, pixelsLeft: options.maxRequestPixels)
        switch type {
        case _ where type.isSame(as: .octets): return try octets(body)
        case _ where type.isSame(as: .npy): return try npy(body)
        case _ where type.isSame(as: .json): return try json(body, &decoder)
        case _ where type.isSame(as: .multipart): return try multipart(body, type, &decoder)
        default: return LogProbBody(images: [decoder.pixels(of: body[...])], isList: false)
        }
    }

    private func checkCount(_ count: Int) throws(Problem) {
        guard (1...options.maxRequestRows).contains(count) else {
            throw Problem(
                .imageCount, "the number of images must be from 1 to \(options.maxRequestRows), not \(count)")
        }
    }

    /// Reads rows of levels, one after another.
    private func octets(_ body: [UInt8]) throws -> LogProbBody {
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
        return LogProbBody(images: images, isList: images.count > 1)
    }

    /// Reads an NPY array `[H, W]` or `[H, W, C]`, or a stack of them.
    private func npy(_ body: [UInt8]) throws -> LogProbBody {
        let array = try NPYArray.decode(body)
        let (axes, isStack) = try axes(of: array.shape)
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
        return LogProbBody(images: images, isList: isStack)
    }

    /// Axes `[N, H, W, C]` of an array's shape, and whether it had an N. Three axes are N, H, W for a model of one channel,
    /// unless they are just its height, width and 1.
    private func axes(of shape: [Int]) throws(Problem) -> ([Int], isStack: Bool) {
        let model = input.shape
        switch shape.count {
        case 2: return ([1] + shape + [1], false)
        case 3 where model.channels > 1 || shape == [model.height, model.width, 1]: return ([1] + shape, false)
        case 3: return (shape + [1], true)
        case 4: return (shape, true)
        default: throw Problem(.imageSize, "shape: expected \(input.expectedArray) or a stack of such, not \(shape)")
        }
    }

    private func json(_ body: [UInt8], _ decoder: inout ImageDecoder) throws -> LogProbBody {
        let shape = input.shape
        let perImage = shape.height * (shape.width + 1) + 2
        let limits = JSONReader.Limits(
            containers: max(JSONReader.Limits().containers, options.maxRequestRows * perImage))
        let json = try JSONImages(JSONReader.read(body, limits: limits), maxImages: options.maxRequestRows)
        let images = json.items.map { item in
            item.flatMap { image -> Result<[UInt8], Problem> in
                switch image {
                case .encoded(let bytes): decoder.pixels(of: bytes[...])
                case .flat(let values): Result { () throws(Problem) in try input.pixels(ofFlat: values) }
                case .array(let values, let height, let width, let channels):
                    Result { () throws(Problem) in
                        try input.pixels(ofArray: values, height: height, width: width, channels: channels)
                    }
                }
            }
        }
        return LogProbBody(images: images, isList: json.isList)
    }

    private func multipart(_ body: [UInt8], _ type: MediaType, _ decoder: inout ImageDecoder) throws -> LogProbBody {
        guard let boundary = type.parameters["boundary"] else {
            throw Problem(.malformedBody, "Content-Type: multipart/form-data has no boundary")
        }
        let files = try MultipartReader.files(in: body, boundary: boundary, maxFiles: options.maxRequestRows)
        try checkCount(files.count)
        let images = files.map { file -> Result<[UInt8], Problem> in
            if let type = file.mediaType, !Self.fileTypes.contains(where: type.isSame) {
                let names = Self.fileTypes.map(\.description).joined(separator: ", ")
                return .failure(
                    Problem(
                        .unsupportedMediaType,
                        "image: Content-Type \(quoted(type.description)) is not one of \(names)"))
            }
            return decoder.pixels(of: body[file.content])
        }
        return LogProbBody(images: images, isList: images.count > 1)
    }

    /// Media types that the files of a multipart body may name.
    private static let fileTypes: [MediaType] = [.png, .jpeg, .octets]
}
