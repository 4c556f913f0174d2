import DensityAPI
import FlowCore
import FlowModels
import HTTPContent
import Imaging
import TestSupport

/// Bodies of problems are JSON with the status of the answer.
func checkAnswer(_ body: [UInt8], status: Int) throws {
    guard case .object(let members) = try JSONReader.read(body) else { throw Violation("the answer is no JSON object") }
    guard let said = members.first(where: { $0.name == "status" }), case .integer = said.value else { return }
    try require(said.value == .integer(status), "the problem is of another status than the answer")
    try require(members.contains { $0.name == "detail" }, "the problem has no detail")
}

/// A whole body of `/logprob` in any media type, held against a small model.
@Sendable func fuzzImages(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    var type = input.pick(LogProbBodyReader.mediaTypes)
    let choice = input.byte()
    let shape = EventShape(height: 2, width: 3, channels: choice & 1 == 0 ? 1 : 3)
    let levels = choice & 2 == 0 ? 256 : 4
    let record = FakeDensity(shape: shape, levels: levels).record
    let fit = ([nil] + ImageFit.allCases)[Int(choice >> 2) & 3]
    if type.isSame(as: .multipart) { type.parameters["boundary"] = "b" }
    var options = APIOptions(version: "0") { preconditionFailure("an internal error: \($0)") }
    options.maxRequestRows = 8
    options.maxRequestPixels = 1 << 14
    let terms = ImageTerms(
        fit: fit, layout: input.pick([nil] + ArrayLayout.allCases), scale: input.pick([nil] + ValueScale.allCases))
    let reader = LogProbBodyReader(input: ImageInput(record: record, terms: terms), options: options)
    let body: LogProbBody
    do {
        body = try reader.read(input.takeAll(), type: type)
    } catch {
        let problem = Problem(of: error)
        return try require(problem.map { $0.kind != .internal } ?? false, "an internal error: \(error)")
    }
    try require((1...8).contains(body.images.count), "\(body.images.count) images")
    try require(body.isList || body.images.count == 1, "several images that are no list")
    for image in body.images {
        switch image {
        case .success(let pixels):
            try require(pixels.count == shape.dims, "an image of \(pixels.count) values")
            try require(pixels.allSatisfy { Int($0) < levels }, "a value that is no level")
        case .failure(let problem): try require(problem.kind != .internal, "an internal error: \(problem.detail)")
        }
    }
}

/// A whole body of `/decode` or `/complete` in any media type, held against a small model.
@Sendable func fuzzLatents(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let choice = input.byte()
    let shape = EventShape(height: 2, width: 3, channels: choice & 1 == 0 ? 1 : 3)
    let record = FakeDensity(shape: shape, levels: choice & 2 == 0 ? 256 : 4).record
    var options = APIOptions(version: "0") { preconditionFailure("an internal error: \($0)") }
    options.maxRequestRows = 8
    options.maxRequestPixels = 1 << 14
    do {
        if choice & 4 == 0 {
            let type = input.pick(LatentBodyReader.mediaTypes)
            let body = try LatentBodyReader(record: record, options: options).read(input.takeAll(), type: type)
            try require((1...8).contains(body.latents.count), "\(body.latents.count) latents")
            try require(body.isList || body.latents.count == 1, "several latents that are no list")
            for case .success(let latent) in body.latents {
                try require(latent.count == shape.dims && latent.allSatisfy(\.isFinite), "a latent that is none")
            }
        } else {
            var type = input.pick(CompletionBodyReader.mediaTypes)
            if type.isSame(as: .multipart) { type.parameters["boundary"] = "b" }
            let fit = ([nil] + ImageFit.allCases)[Int(choice >> 3) & 3]
            let reader = CompletionBodyReader(record: record, terms: ImageTerms(fit: fit), options: options)
            let body = try reader.read(input.takeAll(), type: type)
            try require(body.images.count == 2, "\(body.images.count) images")
            for (image, dims) in zip(body.images, [shape.dims, 6]) {
                switch image {
                case .success(let pixels): try require(pixels.count == dims, "\(pixels.count) values")
                case .failure(let problem):
                    try require(problem.kind != .internal, "an internal error: \(problem.detail)")
                }
            }
        }
    } catch let violation as Violation {
        throw violation
    } catch {
        let problem = Problem(of: error)
        try require(problem.map { $0.kind != .internal } ?? false, "an internal error: \(error)")
    }
}
