import FlowCore
package import FlowModels
package import HTTPContent
import Imaging
import Serving

/// Latents of a `/decode` body, held against the model.
package struct LatentBody: Sendable {
    /// Latents, `[D]` each, or what is wrong with each.
    package var latents: [Result<[Float], Problem>]
    /// Whether the answer is a list, although it may hold one image.
    package var isList: Bool
}

/// Reader of the bodies that `/decode` takes, by their media type.
package struct LatentBodyReader: Sendable {
    private let shape: EventShape
    private let options: APIOptions

    /// Media types of bodies, in the order in which `Accept` of a 415 names them.
    package static let mediaTypes: [MediaType] = [.json, .npy]

    /// Bytes of room for what stands around the numbers: brackets, names, headers.
    private static let overheadBytes = 64 << 10
    /// Bytes of one number of double precision as text, with a comma and a blank.
    private static let bytesPerNumber = 26

    package init(record: ModelRecord, options: APIOptions) {
        shape = record.eventShape
        self.options = options
    }

    /// The most bytes that are taken for a body: what the largest request needs.
    var limit: Int {
        let (numbers, overflow) = shape.dims.multipliedReportingOverflow(
            by: options.maxRequestRows * Self.bytesPerNumber)
        return overflow ? options.maxBodyBytes : min(numbers + Self.overheadBytes, options.maxBodyBytes)
    }

    /// Reads the latents of a body.
    /// - Throws: an error of which ``Problem/init(of:)`` makes a problem of the body as a whole, or of a single latent; those of
    ///   others stand in their places.
    package func read(_ body: [UInt8], type: MediaType) throws -> LatentBody {
        let read = type.isSame(as: .npy) ? try npy(body) : try json(body)
        if !read.isList { _ = try read.latents[0].get() }
        return read
    }

    private func checkCount(_ count: Int) throws(Problem) {
        guard (1...options.maxRequestRows).contains(count) else {
            throw Problem(
                .imageCount, "latents: the number of latents must be from 1 to \(options.maxRequestRows), not \(count)")
        }
    }

    /// Reads an array `[D]` or `[H, W, C]` of one latent, or a stack of such.
    private func npy(_ body: [UInt8]) throws -> LatentBody {
        let array = try NPYArray.decode(body)
        let axes = array.shape
        let own = [shape.height, shape.width, shape.channels]
        let isOne = axes == [shape.dims] || axes == own
        guard isOne || axes.count > 1 && (Array(axes.dropFirst()) == [shape.dims] || Array(axes.dropFirst()) == own)
        else {
            throw Problem(
                .latentValue, "latents: expected the shape [\(shape.dims)], \(own) or a stack of such, not \(axes)")
        }
        let count = isOne ? 1 : axes[0]
        try checkCount(count)
        let values = array.doubles()
        let latents = (0..<count).map { index in
            Result { () throws(Problem) in
                try finite(values[index * shape.dims..<(index + 1) * shape.dims].map { Float($0) })
            }
        }
        return LatentBody(latents: latents, isList: !isOne)
    }

    /// Reads `{"latent": […]}` or `{"latents": [[…], …]}`.
    private func json(_ body: [UInt8]) throws -> LatentBody {
        let limits = JSONReader.Limits(containers: max(JSONReader.Limits().containers, options.maxRequestRows + 2))
        guard case .object(let members) = try JSONReader.read(body, limits: limits), members.count == 1 else {
            throw Self.malformed
        }
        switch (members[0].name, members[0].value) {
        case ("latent", let value):
            return LatentBody(latents: [Result { () throws(Problem) in try latent(value) }], isList: false)
        case ("latents", .array(let values)):
            try checkCount(values.count)
            return LatentBody(
                latents: values.map { value in Result { () throws(Problem) in try latent(value) } }, isList: true)
        default: throw Self.malformed
        }
    }

    private static let malformed = Problem(
        .malformedBody, "the body must be {\"latent\": [z, …]} or {\"latents\": [[z, …], …]}")

    private func latent(_ value: JSON) throws(Problem) -> [Float] {
        let known: [Double]
        switch value {
        case .integers(let values): known = values.map(Double.init)
        case .numbers(let values): known = values
        default: throw Problem(.latentValue, "latent: expected a list of \(shape.dims) numbers")
        }
        guard known.count == shape.dims else {
            throw Problem(.latentValue, "latent: a latent of the model has \(shape.dims) numbers, not \(known.count)")
        }
        return try finite(known.map { Float($0) })
    }

    private func finite(_ latent: [Float]) throws(Problem) -> [Float] {
        guard let place = latent.firstIndex(where: { !$0.isFinite }) else { return latent }
        throw Problem(.latentValue, "latent: number \(place) is not finite in single precision")
    }
}

extension APIContext {
    /// The latents of a body, read in the decoding lane but where that is less work than to go there.
    /// - Throws: what ``BodyType/resolved(for:)`` and ``LatentBodyReader/read(_:type:)`` throw, and ``DecodingLane/run(for:deadline:steps:_:)``.
    func latents(
        _ body: [UInt8], as type: BodyType, by reader: LatentBodyReader, for caller: Caller,
        until deadline: ContinuousClock.Instant
    ) async throws -> LatentBody {
        let type = try type.resolved(for: body)
        guard body.count > options.inlineWork else { return try reader.read(body, type: type) }
        return try await decoding.run(for: caller, deadline: deadline, steps: [body.count]) { _, _ in
            try reader.read(body, type: type)
        }[0]
    }
}
