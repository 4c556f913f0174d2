import FlowModels
import Glibc
import HTTPTypes
import HTTPWire
import Imaging
import Serving

/// `POST /logprob`: log-density of each image, in nats and bits/dim.
struct LogProbRoute: Route {
    static let path = "/logprob"
    static let method = HTTPRequest.Method.post
    static let access = Access.scope(.score)
    private let context: APIContext

    init(_ context: APIContext) { self.context = context }

    /// What the head of a request asks for.
    private struct Ask: Sendable {
        var model: any ImageDensity
        /// Nil: of a class-conditional model the mixture.
        var classIndex: Int?
        var samples: Int
        var type: MediaType
        var reader: LogProbBodyReader
    }

    func begin(_ head: RequestHead) throws -> RouteWork {
        let options = context.options
        let query = try Query(head.query, known: ["fit", "samples", "class", "model"])
        let samples = try query.integer("samples", in: 1...options.maxImportanceSamples) ?? 1
        let fit = try query.choice("fit", of: Fit.self)
        _ = try Accept(head.fields).best(of: [.json])
        let type = try mediaType(head.fields)
        let model = try context.service.models.model(named: query["model"])
        let classIndex = try classIndex(query, of: model.record)
        let reader = LogProbBodyReader(input: ImageInput(record: model.record, fit: fit), options: options)
        let ask = Ask(model: model, classIndex: classIndex, samples: samples, type: type, reader: reader)
        return .body(limit: reader.limit(for: type), lengthRequired: true) { body in
            try await respond(to: ask, body: body)
        }
    }

    private func mediaType(_ fields: HTTPFields) throws(Problem) -> MediaType {
        let text = fields[.contentType]
        if let text, let type = MediaType(parsing: text), LogProbBodyReader.mediaTypes.contains(where: type.isSame),
            type.parameters["charset"].map({ $0.lowercased() == "utf-8" }) ?? true
        {
            return type
        }
        let known = LogProbBodyReader.mediaTypes.map(\.description).joined(separator: ", ")
        throw Problem(
            .unsupportedMediaType, "Content-Type must be one of \(known), not \(text.map(quoted) ?? "missing")",
            fields: [.accept: known])
    }

    private func respond(to ask: Ask, body: [UInt8]) async throws -> ServerResponse {
        let start = ContinuousClock.now
        let decoded = try await context.heavy(bytes: body.count) { try ask.reader.read(body, type: ask.type) }
        let decodeTime = start.duration(to: .now)
        guard decoded.images.count * ask.samples <= context.options.maxRequestRows else {
            throw Problem(
                .imageCount,
                "\(decoded.images.count) images times samples=\(ask.samples) is more than the limit of "
                    + "\(context.options.maxRequestRows)")
        }
        if !decoded.isList { _ = try decoded.images[0].get() }

        let rows = decoded.images.flatMap { image in
            switch image {
            case .success(let pixels):
                (0..<ask.samples).map {
                    DensityRow(pixels: pixels, draw: UInt32($0), classIndex: ask.classIndex)
                }
            case .failure: [DensityRow]()
            }
        }
        let answer = try await context.service.logDensities(
            of: rows, model: ask.model, deadline: context.options.requestTimeout)
        let results = results(of: decoded.images, answer.results, samples: ask.samples)
        let timing = ServerTiming(timings: answer.timings, decode: decodeTime)
        return .json(
            try json(decoded.isList, results, ask), fields: [.serverTiming: timing.description])
    }

    /// The densities of `images`, each out of its `samples` rows of `values`.
    private func results(
        of images: [Result<[UInt8], Problem>], _ values: [Result<RowDensity, RowFailure>], samples: Int
    ) -> [Result<Bound, Problem>] {
        var next = 0
        return images.map { image in
            image.flatMap { _ in
                defer { next += samples }
                return Result { () throws(Problem) in
                    let draws = try values[next..<next + samples].map { value throws(Problem) in
                        switch value {
                        case .success(let draw): return draw
                        case .failure(let failure):
                            if case .refused(let reason) = failure { context.options.report(reason) }
                            throw Problem(failure)
                        }
                    }
                    return Bound(draws: draws)
                }
            }
        }
    }

    private func json(_ isList: Bool, _ results: [Result<Bound, Problem>], _ ask: Ask) throws -> JSON {
        let record = ask.model.record
        guard isList else {
            return .object([.init("model", .string(record.name))] + members(try results[0].get(), ask))
        }
        let items = results.map { result in
            switch result {
            case .success(let bound): JSON.object(members(bound, ask))
            case .failure(let problem): problem.item
            }
        }
        return ["model": .string(record.name), "results": .array(items)]
    }

    private func members(_ bound: Bound, _ ask: Ask) -> [JSON.Member] {
        let record = ask.model.record
        let bits = bitsPerDim(logProb: bound.logProb, dims: record.eventShape.dims, levels: record.levels)
        var members: [JSON.Member] = [
            .init("log_prob", .number(bound.logProb)), .init("bits_per_dim", .number(bits)),
        ]
        // the held-out images' quantiles are those of the mixture
        if let calibration = record.calibration, ask.classIndex == nil || !record.isConditional {
            members.append(.init("percentile", .number(calibration.percentile(of: bound.logProb))))
        }
        members.append(.init("samples", .integer(bound.samples)))
        if let error = bound.standardError { members.append(.init("standard_error", .number(error))) }
        if let classIndex = ask.classIndex {
            members.append(.init("class", .string(record.classes[classIndex])))
        } else if let prior = record.classPrior {
            let shares = zip(record.classes, bound.posterior(prior: prior)).map { JSON.Member($0, .number($1)) }
            members.append(.init("class_posterior", .object(shares)))
        }
        return members
    }
}

/// The importance-weighted bound `log (1/K) Σₖ exp(lₖ)` on an image's log-probability, nats.
///
/// Source: Burda, Grosse, Salakhutdinov, *Importance Weighted Autoencoders* (2015), eq. 8, arXiv:1509.00519; each `lₖ`
/// is the log-density of another dequantization draw.
struct Bound {
    var logProb: Double
    var samples: Int
    /// Of ``logProb``, by the delta method: the standard error of the mean weight over the mean weight. Nil for one
    /// draw.
    var standardError: Double?
    /// The same bound on `log p(x | class)` of every class; empty unless the density is a mixture of them.
    var classLogProbs: [Double]

    /// `draws` are finite, and at least one.
    init(draws rows: [RowDensity]) {
        let draws = rows.map(\.logProb)
        let count = Double(draws.count)
        classLogProbs = rows[0].classLogProbs.indices.map { c in
            logSumExp(rows.map { $0.classLogProbs[c] }) - log(count)
        }
        let top = draws.reduce(-.infinity, max)
        let weights = draws.map { exp($0 - top) }  // in [0, 1], the largest 1
        let mean = weights.reduce(0, +) / count
        samples = draws.count
        logProb = top + log(mean)
        if draws.count > 1 {
            let variance = weights.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
            standardError = (variance / count).squareRoot() / mean
        }
    }
}

extension Bound {
    /// `p(class | x)` by Bayes' rule, in the order of the classes; `prior` are the classes' shares.
    func posterior(prior: [Double]) -> [Double] {
        let joint = zip(prior, classLogProbs).map { log($0) + $1 }
        let total = logSumExp(joint)
        return joint.map { exp($0 - total) }
    }
}

extension Calibration {
    /// Share of the held-out images with a lower log-density, per cent, linear between the quantiles.
    func percentile(of logProb: Double) -> Double {
        let quantiles = logProbQuantiles
        guard let upper = quantiles.firstIndex(where: { $0 >= logProb }) else { return 100 }
        guard upper > 0 else { return 0 }
        let below = quantiles[upper - 1]  // < logProb <= quantiles[upper]
        let position = Double(upper - 1) + (logProb - below) / (quantiles[upper] - below)
        return 100 * position / Double(quantiles.count - 1)
    }
}

extension APIContext {
    /// `body` on a helper thread when it works on many `bytes`, else here: passing on a small job costs more than it.
    func heavy<Output: Sendable>(
        bytes: Int, _ body: @escaping @Sendable () throws -> Output
    ) async throws -> Output {
        bytes > options.inlineBytes ? try await helpers.run(body) : try body()
    }
}

/// The index of the class that a request names, or nil when it names none. A model that is not class-conditional and has
/// learned a single class may be asked for that.
/// - Throws: ``ProblemKind/parameter`` for a class that there is no density of.
func classIndex(_ query: Query, of record: ModelRecord) throws(Problem) -> Int? {
    guard let name = query["class"] else { return nil }
    if !record.isConditional {
        guard record.classes == [name] else {
            let classes = record.classes.isEmpty ? "none" : record.classes.joined(separator: ", ")
            throw Problem(
                .parameter,
                "class: the model is not class-conditional, and knows no \(quoted(name)); it learned \(classes)")
        }
        return nil
    }
    guard let index = record.classes.firstIndex(of: name) else {
        throw Problem(
            .parameter, "class must be one of \(record.classes.joined(separator: ", ")), not \(quoted(name))")
    }
    return index
}
