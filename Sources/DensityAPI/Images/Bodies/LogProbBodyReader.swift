import FlowCore
package import HTTPContent
import Imaging

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

    func checkCount(_ count: Int) throws(Problem) {
        guard (1...options.maxRequestRows).contains(count) else {
            throw Problem(
                .imageCount, "the number of images must be from 1 to \(options.maxRequestRows), not \(count)")
        }
    }
}
