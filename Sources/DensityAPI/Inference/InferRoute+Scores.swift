import FlowCore
import FlowModels
import HTTPContent
import HTTPWire
import Imaging
import Serving

extension InferRoute {
    /// A request for scores whose body was taken apart.
    private struct Scoring: Sendable {
        var request: InferenceRequest
        var ask: ScoringRequest
        var outputs: [InferenceRequest.Output]
        var parts: LogProbBody.Parts
    }

    /// Answer with scores of the images of a body.
    func scored(_ body: [UInt8], _ ask: Ask) async throws -> ServerResponse {
        let start = ContinuousClock.now
        let scoring = try await context.takenApart(
            work: body.count, for: ask.caller, until: start + (ask.terms.deadline ?? context.options.requestTimeout)
        ) {
            try taken(body, ask)
        }
        let deadline = start + (scoring.ask.terms.deadline ?? context.options.requestTimeout)
        let decoded = try await context.decoded(
            scoring.parts, by: scoring.ask.reader, for: ask.caller, until: deadline)
        // a tensor has no place for what is wrong with an image
        _ = try decoded.rows()
        let scored = try await scoring.ask.scored(decoded, since: start)
        let scores = try scored.results.enumerated().map { index, result throws(Problem) in
            do throws(Problem) {
                return try result.get()
            } catch {
                throw scored.results.count == 1 ? error : error.of(scored.name(of: index))
            }
        }
        let tensors = try scoring.outputs.compactMap { output throws(Problem) in
            try tensor(output.name, of: scores, isNamed: scoring.request.outputs != nil)
        }
        return scoring.request.response(of: ask.model, tensors, timing: scored.timing)
    }

    /// What a body asks for, its images not yet decoded.
    private func taken(_ body: [UInt8], _ ask: Ask) throws -> Scoring {
        let model = ask.model.model
        let request: InferenceRequest
        var tensor: ImageTensor?
        if ask.header == .none {
            request = InferenceRequest()
            tensor = try ImageTensor(ofBody: body, shape: model.record.eventShape)
        } else {
            let limits = LogProbBodyReader(input: ImageInput(record: model.record), options: context.options)
                .textLimits(images: context.options.maxRequestRows)
            request = try InferenceRequest(body, ask.header, limits: limits)
        }
        // what else /logprob can say has no tensor
        let known = ImageTerms.parameters + ScoringRequest.scoreParameters.filter { $0 != "posterior" }
        let query = try query(of: request, known: known)
        if let detail = query["detail"], ScoreDetail(rawValue: detail).map({ ![.none, .verdict].contains($0) }) ?? true
        {
            throw QueryError.invalid(name: "detail", expected: "none or verdict", value: detail)
        }
        var terms = ask.terms
        try terms.read(query)
        var scoring = ScoringRequest(
            model: model, images: try ImageTerms(query), terms: terms, type: BodyType(.octets), caller: ask.caller,
            rates: ask.rates, context)
        try scoring.read(query)
        let outputs = try request.chosen(of: ask.model)
        if let other = request.inputs.first(where: { $0.name != InferenceModel.image }) {
            throw Problem(
                .parameter,
                "inputs: \(quoted(ask.model.name)) has no \(quoted(other.name)); it has \(InferenceModel.image)")
        }
        guard request.inputs.count == (tensor == nil ? 1 : 0) else {
            throw Problem(
                .parameter,
                "inputs: \(quoted(ask.model.name)) has one, \(InferenceModel.image), and the request \(request.inputs.count)"
            )
        }
        let parts = try scoring.reader.parts(of: tensor ?? ImageTensor(request.inputs[0]))
        try scoring.checkRows(images: parts.items.count)
        try context.service.check(
            DensityWork.self, like: scoring.row, count: parts.items.count * scoring.samples, by: model, terms: terms)
        return Scoring(request: request, ask: scoring, outputs: outputs, parts: parts)
    }

    /// Tensor of a figure of `scores`; nil where there is none for these terms, and the client did not name it.
    private func tensor(
        _ name: String, of scores: [ImageScore], isNamed: Bool
    ) throws(Problem) -> OutputTensor? {
        let values: OutputTensor.Values?
        switch name {
        case InferenceModel.logProb: values = .doubles(scores.map(\.logProb))
        case InferenceModel.bitsPerDim: values = .doubles(scores.map(\.bitsPerDim))
        case InferenceModel.percentile: values = all(scores.map(\.percentile)).map(OutputTensor.Values.doubles)
        case InferenceModel.pValue: values = all(scores.map { $0.rank?.pValue }).map(OutputTensor.Values.doubles)
        default: values = all(scores.map { $0.verdict?.rawValue }).map(OutputTensor.Values.texts)
        }
        guard let values else {
            guard isNamed else { return nil }
            throw Problem(
                .parameter,
                "outputs: there is no \(name) for these parameters; the model, class and detail say which there are")
        }
        return OutputTensor(name: name, shape: [scores.count], values: values)
    }

    /// The values, where none is missing.
    private func all<Value>(_ values: [Value?]) -> [Value]? {
        let found = values.compactMap(\.self)
        return found.count == values.count ? found : nil
    }
}

extension LogProbBodyReader {
    /// What there is to decode of a tensor.
    /// - Throws: ``ProblemKind/imageCount``, ``ProblemKind/imageSize``, ``ProblemKind/imageValue``.
    fileprivate func parts(of tensor: ImageTensor) throws(Problem) -> LogProbBody.Parts {
        switch tensor {
        case .array(let array): return try parts(of: array, input.layout(of: array.shape))
        case .pictures(let pictures):
            try checkCount(pictures.count)
            var decoder = ImageDecoder(input: input, options: options)
            return LogProbBody.Parts(items: pictures.map { decoder.plan($0) }, isList: true)
        }
    }
}
