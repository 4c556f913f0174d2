import FlowCore
import FlowModels
import TestSupport

/// A small model with weights away from their start.
func tinyModel<Flow: FlowArchitecture>(
    _: Flow.Type, levels: Int = 256, name: String = "tiny", hidden: [Int] = [6, 5],
    classPrior: [Double]? = nil, dequantizer dequantizerSizes: Sizes? = nil
) throws -> DensityModel {
    // scales halve an image, and the channels of a convolution fill vectors
    let isOfImages = Flow.self is any ImageFlow.Type
    let shape = isOfImages ? EventShape(height: 4, width: 4, channels: 1) : EventShape(height: 2, width: 3, channels: 1)
    let hidden = isOfImages ? [16, 16] : hidden
    let all: Sizes = [
        "layers": 2, "hidden": .integers(hidden), "log_scale_bound": 3, "classes": .integer(classPrior?.count ?? 0),
    ]
    let sizes = try all.resolved(by: Flow.fields)
    let flow = BijectionLaws.perturbed(
        try Flow(shape: shape, sizes: sizes, seed: 1), scale: 0.2, seed: 2)
    var dequantizer = try dequantizerSizes.map { try Dequantizer(shape: shape, sizes: $0, seed: 3) }
    var random = RandomStream(seed: 4, stream: 0)
    dequantizer?.visitParameters { _, values in for i in values.indices { values[i] += 0.2 * random.normal() } }
    return try DensityModel(
        flow: flow, dequantizer: dequantizer,
        record: ModelRecord(
            name: name, architecture: Flow.architectureName, sizes: sizes, eventShape: shape,
            levels: levels, dequantization: ModelRecord.dequantization(dequantizerSizes),
            dequantizer: dequantizerSizes, logitAlpha: 1e-3,
            classes: classPrior?.indices.map { "class \($0)" } ?? ["thing"], classPrior: classPrior,
            parameterCount: flow.parameterCount + (dequantizer?.parameterCount ?? 0),
            check: CheckVector(pixels: (0..<shape.dims).map { UInt8($0 * (levels - 1) / (shape.dims - 1)) }, logProb: 0)
        ))
}
