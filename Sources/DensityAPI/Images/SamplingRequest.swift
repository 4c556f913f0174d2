import FlowModels
import HTTPContent
import Serving

/// Request for images that are drawn.
struct SamplingRequest: Sendable {
    var model: LoadedModel
    var count: Int
    /// Seed that was given, or one drawn below 2^53, so that it survives readers that have only doubles.
    var seed: UInt64
    var isSeedGiven: Bool
    /// Temperature as it was sent.
    var temperature: Double
    /// Index of the class; nil for none, of a class-conditional model one that is drawn first, by the class prior.
    var classIndex: Int?
    var terms: RequestTerms
    /// What the rows are taken of.
    let rates: RequestRates

    /// Names of the parameters that ``init(_:model:terms:rates:_:)`` reads.
    static let parameters = ["count", "seed", "temperature", "class"]
    /// Largest `temperature`.
    static let maxTemperature = 2.0

    /// - Throws: ``QueryError``; ``ProblemKind/parameter`` for a class that there is no density of.
    init(
        _ query: Query, model: LoadedModel, terms: RequestTerms, rates: RequestRates, _ context: APIContext
    ) throws {
        self.model = model
        self.terms = terms
        self.rates = rates
        count = try query.integer("count", in: 1...context.options.maxSampleCount) ?? 1
        let given = try query.unsigned("seed")
        isSeedGiven = given != nil
        seed = given ?? UInt64.random(in: 0..<1 << 53)
        temperature = try query.positive("temperature", upTo: Self.maxTemperature) ?? 1
        classIndex = try askedClass(query, of: model.record)
    }

    /// Rows of the images.
    var rows: [SampleRow] {
        (0..<count).map {
            SampleRow(seed: seed, index: UInt64($0), temperature: Float(temperature), classIndex: classIndex)
        }
    }

    /// - Parameter advice: what the client could do instead, as the end of the error.
    /// - Throws: ``ProblemKind/parameter`` for more images than can be drawn within the time limit, by the measured cost; those of a
    ///   stream have that time from block to block.
    func checkTime(_ context: APIContext, _ advice: String = "") throws(Problem) {
        let limit = context.options.requestTimeout
        guard
            let most = context.service.mostRows(
                SamplingWork.self, like: SampleRow(seed: 0, index: 0), by: model, within: limit), count > max(1, most)
        else { return }
        throw Problem(
            .parameter,
            "count: \(count) images would take longer than the time limit of \(limit / .seconds(1)) s by the measured "
                + "cost; at most \(most) fit in\(advice)")
    }

    /// The images, block by block.
    /// - Throws: ``ServingError``, ``RateRefusal``.
    func blocks(_ context: APIContext) async throws -> AsyncThrowingStream<SampleBlock, any Error> {
        try await rates.charged(rows: count) {
            try await context.service.sample(rows, model: model, terms: terms)
        }
    }

    /// The images, all together.
    /// - Throws: ``ServingError``; ``RateRefusal``; ``ProblemKind/internal`` where one could not be drawn.
    func drawn(_ context: APIContext) async throws -> (images: [DrawnImage], timings: RequestTimings) {
        var images: [DrawnImage] = []
        var timings = RequestTimings()
        for try await block in try await blocks(context) {
            images += try block.results.map(context.image)
            timings = block.timings
        }
        // A cancelled task sees the stream end early.
        guard images.count == count else { throw ServingError.cancelled }
        return (images, timings)
    }
}

extension APIContext {
    /// The image of a row that was drawn.
    /// - Throws: ``ProblemKind/internal``; the reason is reported.
    func image(_ result: Result<DrawnImage, RowFailure>) throws(Problem) -> DrawnImage {
        switch result {
        case .success(let image): return image
        case .failure(let failure):
            options.report("a sample failed: \(failure)")
            throw Problem(.internal, "a sample could not be drawn")
        }
    }
}
