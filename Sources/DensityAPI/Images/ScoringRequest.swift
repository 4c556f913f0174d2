import FlowModels
import Glibc
import HTTPContent
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// Request whose body holds images that are to be scored, as its head asks.
struct ScoringRequest: Sendable {
    var model: LoadedModel
    /// Index of the class; nil for none.
    var classIndex: Int?
    /// Whether the classes' posterior and set are wanted where they cost more passes.
    var wantsClasses = false
    /// Dequantization draws of each image.
    var samples = 1
    var detail = ScoreDetail.verdict
    /// Rate of false alarms that was asked for; nil for the model's own.
    var alarm: AlarmRate?
    /// Whether the images are of the stream that ``LoadedModel/drift`` watches.
    var isOfStream = true
    /// Whether images of the stream count for ``LoadedModel/drift``; those that do not are passed over.
    var countsForDrift = true
    let context: APIContext
    let terms: RequestTerms
    let type: BodyType
    let reader: LogProbBodyReader
    let caller: Caller
    /// What the rows are taken of.
    let rates: RequestRates

    /// Names of the query parameters that ``init(_:_:_:)`` reads.
    static let parameters = ImageTerms.parameters + ["model"]

    /// - Parameter more: media types of bodies beside those of ``LogProbBodyReader``.
    /// - Throws: ``QueryError``; ``ServingError/unknownModel(_:)``; ``Problem`` of the content type or the terms.
    init(_ request: RoutedRequest, _ query: Query, _ context: APIContext, more: [MediaType] = []) throws {
        self.context = context
        let imageTerms = try ImageTerms(query)
        type = try BodyType(request.fields, among: LogProbBodyReader.mediaTypes + more)
        model = try context.service.models.model(named: request.modelName(query))
        reader = LogProbBodyReader(input: ImageInput(record: model.record, terms: imageTerms), options: context.options)
        terms = try RequestTerms(request, options: context.options)
        caller = request.caller
        rates = request.rates
    }

    /// A request whose terms are not in its head.
    init(
        model: LoadedModel, images: ImageTerms, terms: RequestTerms, type: BodyType, caller: Caller,
        rates: RequestRates, _ context: APIContext
    ) {
        self.model = model
        self.terms = terms
        self.type = type
        self.caller = caller
        self.rates = rates
        self.context = context
        reader = LogProbBodyReader(input: ImageInput(record: model.record, terms: images), options: context.options)
    }

    /// Names of the parameters that ``read(_:)`` reads.
    static let scoreParameters = ["samples", "class", "posterior", "detail", "alarm", "drift"]

    /// Takes what is to be said of the images from the parameters.
    /// - Throws: ``QueryError``; ``Problem`` for what the model has not learned or cannot say.
    mutating func read(_ query: Query) throws {
        samples = try query.integer("samples", in: 1...context.options.maxImportanceSamples) ?? 1
        classIndex = try askedClass(query, of: model.record)
        wantsClasses = try query.choice("posterior", of: YesOrNo.self) == .yes
        if wantsClasses { try checkPosterior(of: model.record, givenClass: classIndex) }
        (detail, alarm) = try scoreTerms(
            detail: query.choice("detail", of: ScoreDetail.self), alarm: query["alarm"], of: model.record,
            givenClass: classIndex)
        countsForDrift = try query.choice("drift", of: YesOrNo.self) != .no
    }

    /// Scores of a body's images.
    struct Scored: Sendable {
        var model: LoadedModel
        /// Levels of the images, or what is wrong with the one in that place.
        var images: [Result<[UInt8], Problem>]
        /// Names of the files that the images are of, at their indices; none but in multipart bodies.
        var files: [String?]
        /// Whether the answer is a list, although there may be one image.
        var isList: Bool
        /// Scores, or what is wrong with the image in that place.
        var results: [Result<ImageScore, Problem>]
        var timing: ServerTiming

        /// The image at `index` in words, with its file's name where it has one.
        func name(of index: Int) -> String { imageName(index, of: results.count, files) }
    }

    /// Work of a route that answers with `then` of the scores. A request that cannot be done in time costs neither its body nor its
    /// decoding.
    /// - Throws: ``ServingError``, as ``DensityService/check(_:like:count:by:terms:)``.
    func reading(then: @escaping @Sendable (Scored) async throws -> ServerResponse) throws -> RouteWork {
        try context.service.check(DensityWork.self, like: row, count: samples, by: model, terms: terms)
        return .body(limit: reader.limit(for: type), lengthRequired: true) { body in try await then(scored(body)) }
    }

    /// Work of a route that answers a body of lines as it comes.
    /// - Throws: as ``reading(then:)``.
    func streaming() throws -> RouteWork {
        try context.service.check(DensityWork.self, like: row, count: samples, by: model, terms: terms)
        return .stream { body in try await LineScores(ask: self).response(to: body) }
    }

    /// A row that costs as much as each of the request's.
    var row: DensityRow { DensityRow(pixels: [], classIndex: classIndex, wantsClasses: wantsClasses) }

    /// Scores of the images of a body.
    /// - Throws: ``Problem``, ``ServingError``, ``DecodingRefusal``.
    func scored(_ body: [UInt8]) async throws -> Scored {
        let start = ContinuousClock.now
        let deadline = start + (terms.deadline ?? context.options.requestTimeout)
        let decoded = try await context.decoded(body, as: type, by: reader, for: caller, until: deadline)
        return try await scored(decoded, since: start)
    }

    /// Scores of the images of a body that came at `start`.
    /// - Throws: ``Problem``, ``ServingError``.
    func scored(_ decoded: LogProbBody, since start: ContinuousClock.Instant) async throws -> Scored {
        let decodeTime = start.duration(to: .now)
        try checkCount(decoded)
        let rows = decoded.images.flatMap { image in
            switch image {
            case .success(let pixels):
                model.record.rows(
                    of: pixels, draws: samples, classIndex: classIndex, detail: detail, wantsClasses: wantsClasses)
            case .failure: [DensityRow]()
            }
        }
        let answer = try await rates.charged(rows: rows.count) {
            try await context.service.logDensities(
                of: rows, model: model, terms: terms.after(decodeTime, spent: decoded.decodingTime))
        }
        var results = scores(of: decoded.images, answer.results)
        observe(results)
        if detail == .pixels {
            let spent = start.duration(to: .now)
            try await addPixelMaps(
                to: &results, of: decoded.images, terms.after(spent, spent: decoded.decodingTime))
        }
        return Scored(
            model: model, images: decoded.images, files: decoded.files, isList: decoded.isList, results: results,
            timing: ServerTiming(timings: answer.timings, decode: decodeTime))
    }

    /// Computes what each pixel of the images that were scored has to do with their densities: of a mixture with that of the most
    /// probable class.
    private func addPixelMaps(
        to results: inout [Result<ImageScore, Problem>], of images: [Result<[UInt8], Problem>], _ terms: RequestTerms
    ) async throws {
        let places = results.indices.filter { (try? results[$0].get()) != nil }
        let rows = try places.map { i in try results[i].get().pixelMapRow(of: images[i].get()) }
        let answer = try await context.service.answer(PixelMapWork.self, rows, by: model, terms: terms)
        for (i, map) in zip(places, answer.results) {
            switch map {
            case .success(let map):
                results[i] = results[i].map { score in
                    var score = score
                    score.pixelMap = map
                    return score
                }
            case .failure(let failure): results[i] = .failure(context.problem(of: failure))
            }
        }
    }

    /// - Throws: ``ProblemKind/imageCount`` for more rows than are taken.
    func checkRows(images: Int) throws(Problem) {
        guard images * samples <= context.options.maxRequestRows else {
            throw Problem(
                .imageCount,
                "\(images) images times samples=\(samples) is more than the limit of \(context.options.maxRequestRows)")
        }
    }

    /// - Throws: ``ProblemKind/imageCount`` for more rows than are taken, or can be done in time; the problem of an only image.
    private func checkCount(_ decoded: LogProbBody) throws(Problem) {
        try checkRows(images: decoded.images.count)
        if !decoded.isList { _ = try decoded.images[0].get() }
        let rowCount = decoded.images.count { (try? $0.get()) != nil } * samples
        try context.checkTime(DensityWork.self, like: row, count: rowCount, by: model, "images, times samples,")
    }

    /// The scores of `images`, each of its `samples` rows of `values`.
    private func scores(
        of images: [Result<[UInt8], Problem>], _ values: [Result<RowDensity, RowFailure>]
    ) -> [Result<ImageScore, Problem>] {
        var next = 0
        return images.map { image in
            image.flatMap { _ in
                defer { next += samples }
                return Result { () throws(Problem) in
                    let draws = try values[next..<next + samples].map { value throws(Problem) in
                        switch value {
                        case .success(let draw): return draw
                        case .failure(let failure): throw context.problem(of: failure)
                        }
                    }
                    return ImageScore(
                        draws: draws, classIndex: classIndex, record: model.record, detail: detail, alarm: alarm)
                }
            }
        }
    }

    /// Tells the metrics and the model's watch of the images that were scored.
    private func observe(_ results: [Result<ImageScore, Problem>]) {
        if isOfStream { context.scoreMetrics.count(results, of: model.name) }
        guard isOfStream, let drift = model.drift else { return }
        let scores = results.compactMap { try? $0.get() }
        // Ranks given a class are among that class's images, and of no stream.
        let counts = countsForDrift && model.record.calibrates(classIndex: classIndex)
        let ranks = counts ? scores.compactMap(\.rank) : []
        drift.observe(ranks, passingOver: scores.count - ranks.count, at: time(nil))
    }
}
