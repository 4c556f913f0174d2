import FlowCore
package import FlowModels
package import HTTPContent
import Imaging

/// Reader of the bodies that `/complete` takes: an image, and a mask of its size that is not 0 where the image is to be drawn.
/// The image is item 0 and the mask item 1.
package struct CompletionBodyReader: ImageBodyReader {
    private let image: LogProbBodyReader
    /// Check of the mask: of the model's size, and gray.
    private let mask: ImageInput
    private let options: APIOptions

    /// Media types of bodies, in the order in which `Accept` of a 415 names them.
    package static let mediaTypes: [MediaType] = [.multipart, .json]

    /// - Parameter terms: how the image is read; the mask has the model's size, and what is not 0 in it counts alike.
    package init(record: ModelRecord, terms: ImageTerms, options: APIOptions) {
        let input = ImageInput(record: record, terms: terms)
        var options = options
        options.maxRequestRows = 2
        self.options = options
        image = LogProbBodyReader(input: input, options: options)
        var mask = input
        mask.shape.channels = 1
        mask.levels = 256
        mask.terms = ImageTerms(scale: .levels)
        mask.wording = nil
        self.mask = mask
    }

    /// Reads the image and the mask of a body, or what is wrong with each.
    /// - Throws: an error of which ``Problem/init(of:)`` makes a problem of the body as a whole.
    package func read(_ body: [UInt8], type: MediaType) throws -> LogProbBody {
        LogProbBody(images: rows(of: try parts(of: body, type: type).items[...]) { false }, isList: false)
    }

    /// The most bytes that are taken for a body of `type`.
    func limit(for type: BodyType) -> Int { image.limit(for: type) }

    func work(toTakeApart body: [UInt8], type: MediaType) -> Int { image.work(toTakeApart: body, type: type) }

    func rows(of items: ArraySlice<LogProbBody.Item>, isStopped: @escaping () -> Bool) -> [Result<[UInt8], Problem>] {
        let (images, masks) = (
            ImageDecoder(input: image.input, options: options), ImageDecoder(input: mask, options: options)
        )
        return items.indices.map { index in
            let row: Result<[UInt8], Problem> =
                switch items[index] {
                case .row(let row): row
                case .encoded(let encoded) where index == 1 && encoded.header.format == .jpeg:
                    .failure(Problem(.imageValue, "image: a JPEG does not keep which values are 0; save it as PNG"))
                case .encoded(let encoded): (index == 0 ? images : masks).row(of: encoded, isStopped: isStopped)
                }
            return index == 0 ? row : row.mapError { $0.about("mask") }
        }
    }

    func parts(of body: [UInt8], type: MediaType) throws -> LogProbBody.Parts {
        let items = type.isSame(as: .json) ? try json(body) : try multipart(body, type)
        return LogProbBody.Parts(items: items, isList: false)
    }

    private func multipart(_ body: [UInt8], _ type: MediaType) throws -> [LogProbBody.Item] {
        let files = try MultipartReader.files(in: body, type: type, maxFiles: 2)
        guard let imageFile = files.first(where: { $0.name == "image" }),
            let maskFile = files.first(where: { $0.name == "mask" })
        else {
            let found = files.isEmpty ? "none" : files.map { quoted($0.name) }.joined(separator: ", ")
            throw Problem(
                .malformedBody, "the body must have a file called image and one called mask, and has \(found)")
        }
        func item(_ file: MultipartFile, _ input: ImageInput) -> LogProbBody.Item {
            var decoder = ImageDecoder(input: input, options: options)
            let items = LogProbBodyReader(input: input, options: options)
                .items(of: file, body[file.content], &decoder)
            guard items.count == 1 else {
                return .row(.failure(Problem(.imageCount, "image: the file holds \(items.count) images, not 1")))
            }
            return items[0]
        }
        return [item(imageFile, image.input), item(maskFile, mask)]
    }

    private func json(_ body: [UInt8]) throws -> [LogProbBody.Item] {
        let perImage = image.input.shape.height * (image.input.shape.width + 1) + 2
        let limits = JSONReader.Limits(containers: max(JSONReader.Limits().containers, 2 * perImage))
        guard case .object(let members) = try JSONReader.read(body, limits: limits), members.count == 2,
            let image = members.first(where: { $0.name == "image" })?.value,
            let mask = members.first(where: { $0.name == "mask" })?.value
        else { throw Problem(.malformedBody, "the body must be {\"image\": X, \"mask\": M}") }
        return [item(image, self.image.input), item(mask, self.mask)]
    }

    private func item(_ value: JSON, _ input: ImageInput) -> LogProbBody.Item {
        var decoder = ImageDecoder(input: input, options: options)
        do throws(Problem) {
            return LogProbBodyReader(input: input, options: options).item(try JSONImage(value), &decoder)
        } catch {
            return .row(.failure(error))
        }
    }
}

extension Problem {
    /// The problem of an image as that of another field that holds one.
    fileprivate func about(_ field: String) -> Problem {
        guard detail.hasPrefix("image:") else { return self }
        return Problem(kind, field + detail.dropFirst("image".count), fields: fields)
    }
}
