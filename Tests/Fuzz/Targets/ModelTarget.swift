import FlowCore
import FlowModels
import TestSupport

/// A model file: the bytes as they are, as the header before the tensors of a sound small model, or as the record in
/// that header. A file is refused with a ``ModelFileError``, or gives densities and images that keep what the record says.
@Sendable func fuzzModel(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    let kind = input.byte()
    let content = input.takeAll()
    let sound = soundModels[Int(kind >> 2) % soundModels.count]
    let file: [UInt8]
    switch kind & 3 {
    case 0: file = content
    case 1: file = assembled(header: content, data: sound.data)
    default:
        guard let text = String(validating: content, as: UTF8.self) else { return }
        file = try Safetensors.encode(sound.tensors, metadata: ["tusk": text], precision: .float32)
    }
    let model: any ImageDensity
    do {
        model = try load(file)
    } catch let error as ModelFileError {
        return try require(error.description.utf8.count < 4096, "the error repeats the file")
    }
    try check(model)
}

private func load(_ file: [UInt8]) throws -> any ImageDensity {
    unsafe try ModelFile.load(file.span.bytes)
}

private func check(_ model: any ImageDensity) throws {
    let record = model.record
    try require(ModelRecord.isValidName(record.name), "the name is none")
    try require(record.check.pixels.count == record.eventShape.dims, "the check vector is of another size")
    let density = try model.densities(of: [DensityRow(pixels: record.check.pixels)], isCancelled: { false })[0]
    let tolerance = ModelFile.checkTolerance(dims: record.eventShape.dims)
    try require(abs(density.logProb - record.check.logProb) <= tolerance, "the check vector has another density")
    do {
        let drawn = try model.sample([SampleRow(seed: 1, index: 0)], isCancelled: { false })[0]
        try require(drawn.pixels.count == record.eventShape.dims, "a drawn image of another size")
        try require(drawn.pixels.allSatisfy { Int($0) < record.levels }, "a drawn value that is no level")
        if let index = drawn.classIndex { try require(record.classes.indices.contains(index), "a class that is none") }
    } catch FlowError.notFinite {
        // Weights may be such that nothing finite can be drawn.
    }
}

/// A sound file of one architecture, taken apart.
private struct SoundModel {
    var tensors: [Safetensors.Tensor]
    var data: [UInt8]
}

private let soundModels: [SoundModel] = FlowRegistry.architectures.map { architecture in
    do {
        let file = try smallModelFile(architecture)
        let (tensors, _) = unsafe try Safetensors.decode(file.span.bytes)
        return SoundModel(
            tensors: tensors.values.sorted { $0.name < $1.name }, data: Array(file[(8 + headerLength(of: file))...]))
    } catch {
        preconditionFailure("the small model of \(architecture.architectureName) is not sound: \(error)")
    }
}

/// An input for each architecture and each kind of ``fuzzModel(_:)``, for the corpus.
func modelSeeds() throws -> [(name: String, bytes: [UInt8])] {
    try FlowRegistry.architectures.enumerated().flatMap { index, architecture in
        let file = try smallModelFile(architecture)
        let end = 8 + headerLength(of: file)
        let (_, metadata) = unsafe try Safetensors.decode(file.span.bytes)
        let record = Array((metadata["tusk"] ?? "").utf8)
        let name = architecture.architectureName
        let kind = UInt8(index << 2)
        return [
            ("\(name)-file", [0] + file), ("\(name)-header", [kind | 1] + file[8..<end]),
            ("\(name)-record", [kind | 2] + record),
        ]
    }
}

private func headerLength(of file: [UInt8]) -> Int { file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) } }

/// A model of four to eight numbers, in a file.
private func smallModelFile<Flow: FlowArchitecture>(_: Flow.Type) throws -> [UInt8] {
    let isOfImages = Flow.self is any ImageFlow.Type
    let shape = EventShape(height: 2, width: 2, channels: 1)
    let sizes: Sizes = ["layers": 1, "hidden": isOfImages ? [16] : [3], "log_scale_bound": 3, "scales": 1]
    let flow = BijectionLaws.perturbed(try Flow(shape: shape, sizes: sizes, seed: 1), scale: 0.2, seed: 2)
    let record = ModelRecord(
        name: "small", architecture: Flow.architectureName, sizes: sizes, eventShape: shape, levels: 256,
        dequantization: "uniform", logitAlpha: 1e-3, classes: ["thing"], parameterCount: flow.parameterCount,
        check: CheckVector(pixels: [0, 9, 99, 255], logProb: 0))
    return try ModelFile.encode(DensityModel(flow: flow, record: record), precision: .float32)
}

private func assembled(header: [UInt8], data: [UInt8]) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
}
