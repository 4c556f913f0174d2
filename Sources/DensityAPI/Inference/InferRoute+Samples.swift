import FlowCore
import FlowModels
import HTTPContent
import HTTPWire
import Serving

extension InferRoute {
    /// Answer with images that are drawn.
    func drawn(_ body: [UInt8], _ ask: Ask) async throws -> ServerResponse {
        guard ask.header != .none || body.isEmpty else {
            throw Problem(.malformedBody, "\(quoted(ask.model.name)) has no input that the body could be")
        }
        let request =
            ask.header == .none
            ? InferenceRequest() : try InferenceRequest(body, ask.header, limits: JSONReader.Limits())
        guard request.inputs.isEmpty else {
            throw Problem(
                .parameter, "inputs: \(quoted(ask.model.name)) has none, and the request \(request.inputs.count)")
        }
        let query = try query(of: request, known: SamplingRequest.parameters)
        var terms = ask.terms
        try terms.read(query)
        let outputs = try request.chosen(of: ask.model)
        let sampling = try SamplingRequest(query, model: ask.model.model, terms: terms, rates: ask.rates, context)
        try sampling.checkTime(context)
        let (images, timings) = try await sampling.drawn(context)
        let record = sampling.model.record
        let shape = record.imageAxes
        return try await context.heavy(bytes: images.count * record.eventShape.dims) {
            let tensors = outputs.map { output in
                switch output.name {
                case InferenceModel.logProb:
                    OutputTensor(name: output.name, shape: [images.count], values: .doubles(images.map(\.logDensity)))
                case InferenceModel.bitsPerDim:
                    OutputTensor(
                        name: output.name, shape: [images.count],
                        values: .doubles(images.map { record.bitsPerDim(logProb: $0.logDensity) }))
                default:
                    OutputTensor(
                        name: output.name, shape: [images.count] + shape, values: .levels(images.flatMap(\.pixels)))
                }
            }
            return request.response(
                of: ask.model, tensors, parameters: [.init("seed", .unsigned(sampling.seed))],
                timing: ServerTiming(timings: timings))
        }
    }
}
