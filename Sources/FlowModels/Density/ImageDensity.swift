public import FlowCore
import Glibc
import Synchronization
import System

/// One evaluation of an image's density: the image and which of its dequantization draws to use.
public struct DensityRow: Sendable, Equatable {
    /// Levels `0 ..< levels`, row-major `[height, width, channels]`.
    public var pixels: [UInt8]
    /// Number of the draw in the image's own noise, from 0: the same image and draw always get the same noise.
    public var draw: UInt32
    /// Index of the class, among the record's, that a class-conditional density is given; nil for the density of no class.
    public var classIndex: Int?
    /// Whether the evidence of ``Evidence/all`` is wanted too, some microseconds a row.
    public var wantsEvidence: Bool
    /// Whether the densities given each class are wanted too, of a row without one; a mixture of classes has them anyway.
    public var wantsClasses: Bool

    public init(
        pixels: [UInt8], draw: UInt32 = 0, classIndex: Int? = nil, wantsEvidence: Bool = false,
        wantsClasses: Bool = false
    ) {
        self.pixels = pixels
        self.draw = draw
        self.classIndex = classIndex
        self.wantsEvidence = wantsEvidence
        self.wantsClasses = wantsClasses
    }
}

/// One image to draw. The same values give the same bytes, whatever else is drawn with it.
public struct SampleRow: Sendable, Equatable {
    /// Seed of the sample's random numbers.
    public var seed: UInt64
    /// Number of this sample within its seed, below ``indexLimit``.
    public var index: UInt64
    /// Standard deviation of the latent; 1 draws from the learned density.
    public var temperature: Float
    /// Index of the class, among the record's, to draw from a class-conditional density; nil for one drawn by the record's prior.
    public var classIndex: Int?

    /// Limit of ``index``, 2⁴⁸: random streams from there on are for latents that are drawn anew, and for classes.
    public static let indexLimit: UInt64 = 1 << 48

    public init(seed: UInt64, index: UInt64, temperature: Float = 1, classIndex: Int? = nil) {
        self.seed = seed
        self.index = index
        self.temperature = temperature
        self.classIndex = classIndex
    }
}

/// An image drawn from the density.
public struct DrawnImage: Sendable, Equatable {
    /// Levels `0 ..< levels`, row-major `[height, width, channels]`.
    public var pixels: [UInt8]
    /// `log p(y)` of the drawn point `y` in `[0, 1)^D`, before it was rounded down to levels; nats. With a class
    /// `log p(y | class)`.
    public var logDensity: Double
    /// Index of the class, among the record's, that it was drawn from; nil without classes.
    public var classIndex: Int?

    public init(pixels: [UInt8], logDensity: Double, classIndex: Int? = nil) {
        self.pixels = pixels
        self.logDensity = logDensity
        self.classIndex = classIndex
    }
}

/// What the service needs of a model: a record, two directions, and how each is ordered.
public protocol ImageDensity: Sendable {
    /// Record of the model: shape, levels, classes, training.
    var record: ModelRecord { get }
    /// Precision of the weights; with another one densities and samples differ slightly.
    var precision: WeightPrecision { get }
    /// Bytes of memory that the weights take, by their number in each form: zeros that masks leave out when weights are packed count too.
    var memoryBytes: Int { get }
    /// Order over dimensions of data → latent, the direction of densities.
    var densityOrder: ExecutionOrder { get }
    /// Order over dimensions of latent → data, the direction of samples.
    var samplingOrder: ExecutionOrder { get }

    /// Sets `results`, one a row, to `log p(y)` in nats, or of a class-conditional density to `log p(y | class)`, with
    /// `y = (x + u)/levels` in `[0, 1)^D`; of rows that want evidence with the statistics of their latents.
    ///
    /// A density is not finite only where the flow itself is not. The bits of a row do not depend on the other rows.
    /// - Throws: ``FlowError`` when a row is not `D` wide, holds a value outside `0 ..< levels`, lacks a class that it
    ///   needs or has one that there is not, or when `isCancelled` turned true between blocks.
    func logDensities(
        of rows: [DensityRow], to results: inout MutableSpan<LatentDensity>, isCancelled: @Sendable () -> Bool
    ) throws

    /// Kind of the maps that ``pixelMaps(of:isCancelled:)`` has.
    var pixelMapKind: PixelMap.Kind { get }
    /// Computes what each pixel has to do with a row's log-density. The bits of a row do not depend on the other rows.
    /// - Throws: what ``logDensities(of:to:isCancelled:)`` throws.
    func pixelMaps(of rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [PixelMap]

    /// Draws one image per row. The bits of a row do not depend on the other rows. A latent whose image is not finite is replaced
    /// by the next of eight others of the same seed and index.
    /// - Throws: ``FlowError/outOfRange(argument:value:allowed:)`` for a class that there is not, or an index from
    ///   ``SampleRow/indexLimit`` on; ``FlowError/notFinite(argument:row:)`` when no latent of a row has a finite image;
    ///   ``FlowError/cancelled`` when `isCancelled` turned true between blocks.
    func sample(_ rows: [SampleRow], isCancelled: @Sendable () -> Bool) throws -> [DrawnImage]

    /// Tests that the inverse, with which ``sample(_:isCancelled:)`` draws, undoes the density's direction: on the image of seed 0 and
    /// index 0, of a density that draws pixel after pixel on its first `pixels` pixels alone. Latents that do not come back are tried
    /// again as others nearer to the middle, eight times.
    /// - Throws: ``FlowError/notFinite(argument:row:)`` when no latent has finite data; ``FlowError/cancelled``.
    func testInverse(pixels: Int, isCancelled: @Sendable () -> Bool) throws -> InverseTest

    /// Computes the latent of each row, and how far its image is from the row's. The bits of a row do not depend on the other rows.
    /// - Throws: what ``logDensities(of:to:isCancelled:)`` throws, ``FlowError/cancelled``.
    func encode(_ rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [EncodedLatent]

    /// Computes the image of each latent, nil where it is not finite, and how far its latent is from the row's. The bits of a row do
    /// not depend on the other rows.
    /// - Throws: ``FlowError`` when a row is not `D` wide or not finite, lacks a class that it needs or has one that there is not;
    ///   ``FlowError/cancelled``.
    func decode(_ rows: [LatentRow], isCancelled: @Sendable () -> Bool) throws -> [DecodedLatent?]

    /// Method by which the rest of a row's image can be drawn here.
    func completionMethod(of row: CompletionRow) -> CompletionMethod

    /// Draws the rest of each row's image given its known pixels, nil where it is not finite. The bits of a row do not depend on
    /// the other rows.
    /// - Throws: ``FlowError`` when a row is not `D` wide, holds a value outside `0 ..< levels`, lacks a class that its method needs
    ///   or has one that there is not; ``FlowError/cancelled``.
    func complete(_ rows: [CompletionRow], isCancelled: @Sendable () -> Bool) throws -> [CompletedImage?]
}

extension ImageDensity {
    /// Order over dimensions of what takes both directions of the flow.
    public var roundTripOrder: ExecutionOrder {
        densityOrder == .sequential || samplingOrder == .sequential ? .sequential : .parallel
    }
}

/// Log-density of one row under one class or without classes, as a flow computes it.
public struct LatentDensity: Sendable, Equatable, BitwiseCopyable {
    /// `log p(y)`, or `log p(y | class)`; nats.
    public var logProb: Double
    /// Statistics of the latent; zeros of a row that wants no evidence.
    public var latents: LatentStatistics
    /// Statistics of the per-pixel terms; nil of a row that wants no evidence, and of a flow that has no such terms.
    public var terms: TermStatistics?

    public init(
        logProb: Double = 0, latents: LatentStatistics = LatentStatistics(), terms: TermStatistics? = nil
    ) {
        self.logProb = logProb
        self.latents = latents
        self.terms = terms
    }
}

/// Log-density of one row, with its parts where it is a mixture.
public struct RowDensity: Sendable, Equatable {
    /// `log p(y)`, or `log p(y | class)` of a row with a class; nats.
    public var logProb: Double
    /// `log p(y | class)` of every class, nats; empty unless the density is class-conditional, the row has no class, and they were
    /// wanted or ``logProb`` is their mixture.
    public var classLogProbs: [Double]
    /// Values of ``Evidence/all``; nil of a row that wants none.
    public var evidence: [Double]?
    /// The same under each class; empty where ``classLogProbs`` is, and of a row that wants none.
    public var classEvidence: [[Double]]

    public init(
        logProb: Double, classLogProbs: [Double] = [], evidence: [Double]? = nil, classEvidence: [[Double]] = []
    ) {
        self.logProb = logProb
        self.classLogProbs = classLogProbs
        self.evidence = evidence
        self.classEvidence = classEvidence
    }

    /// Whether ``logProb`` is a number; of a mixture, whether every part is.
    public var isFinite: Bool { logProb.isFinite && classLogProbs.allSatisfy(\.isFinite) }
}

/// Threads that may take over parts of a computation.
public protocol IdleThreads: Sendable {
    /// Number of threads that could compute now, the caller's among them: 1 or more.
    var available: Int { get }
    /// Runs `body` once for each of `0 ..< parts`, on the caller's thread and those that are idle, and returns when all have run.
    func run(parts: Int, _ body: @escaping @Sendable (Int) -> Void)
}

extension ImageDensity {
    /// Computes log-densities, nats, of rows with a class or without one.
    ///
    /// Without one a class-conditional density gives that by the classes that it believes in, in one pass, where it
    /// ``ModelRecord/infersClass``; else the mixture's `log p(y) = log Σ π_c p(y | c)` with its parts, a pass for each class. Passes
    /// are divided among `threads`.
    /// - Throws: what ``logDensities(of:to:isCancelled:)`` throws.
    public func densities(
        of rows: [DensityRow], threads: (any IdleThreads)? = nil, isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [RowDensity] {
        let record = record
        let asked = rows.flatMap { record.passes(of: $0) }
        var results = try logDensities(of: asked, threads: threads, isCancelled: isCancelled)[...]
        return rows.map { row in
            var own: LatentDensity?
            if record.hasPass(givenNoMore: row) { own = results.removeFirst() }
            guard record.hasParts(row), let prior = record.classPrior else {
                return RowDensity(of: row, own!, record)  // a row has a pass of its own or parts
            }
            let parts = Array(results.prefix(prior.count))
            results = results.dropFirst(prior.count)
            return RowDensity(of: row, own ?? .mixture(of: parts, prior: prior), parts: parts, record)
        }
    }

    /// Computes ``latentDensities(of:isCancelled:)`` on several threads, at least two rows on each: rows that are computed together
    /// read the flow's weights once.
    private func logDensities(
        of rows: [DensityRow], threads: (any IdleThreads)?, isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [LatentDensity] {
        // Twice as many as threads, so that one that is called away leaves little behind.
        let parts = threads.map { $0.available > 1 ? min(2 * $0.available, rows.count / 2) : 1 } ?? 1
        guard let threads, parts > 1 else { return try latentDensities(of: rows, isCancelled: isCancelled) }
        let ranges = rows.count.divided(into: parts)
        let results = PartialResults(parts)
        threads.run(parts: parts) { part in
            results.set(
                part, Result { try self.latentDensities(of: Array(rows[ranges[part]]), isCancelled: isCancelled) })
        }
        return try results.joined()
    }

    /// Returns the densities of ``logDensities(of:to:isCancelled:)`` as an array, one a row, nats.
    /// - Throws: what ``logDensities(of:to:isCancelled:)`` throws.
    public func logDensities(of rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [Double] {
        try latentDensities(of: rows, isCancelled: isCancelled).map(\.logProb)
    }

    /// Returns the results of ``logDensities(of:to:isCancelled:)`` as an array, one a row.
    private func latentDensities(
        of rows: [DensityRow], isCancelled: @Sendable () -> Bool
    ) throws -> [LatentDensity] {
        var results = [LatentDensity](repeating: LatentDensity(), count: rows.count)
        var span = results.mutableSpan
        try logDensities(of: rows, to: &span, isCancelled: isCancelled)
        return results
    }
}

extension ModelRecord {
    /// Whether a row's density takes a pass of its own: one given its class, or none.
    fileprivate func hasPass(givenNoMore row: DensityRow) -> Bool {
        row.classIndex != nil || !isConditional || infersClass
    }

    /// Whether a row takes a pass for each class.
    fileprivate func hasParts(_ row: DensityRow) -> Bool {
        row.classIndex == nil && isConditional && (row.wantsClasses || !infersClass)
    }

    /// Number of passes through the flow that a row's density takes.
    public func passCount(of row: DensityRow) -> Int {
        (hasPass(givenNoMore: row) ? 1 : 0) + (hasParts(row) ? classPrior?.count ?? 0 : 0)
    }

    /// Rows that are passed through the flow for one.
    fileprivate func passes(of row: DensityRow) -> [DensityRow] {
        let own = hasPass(givenNoMore: row) ? [row] : []
        guard hasParts(row), let prior = classPrior else { return own }
        return own
            + prior.indices.map { c in
                var part = row
                part.classIndex = c
                return part
            }
    }
}

extension LatentDensity {
    /// The mixture of the densities given each class, with the latents of the most probable one.
    fileprivate static func mixture(of parts: [LatentDensity], prior: [Double]) -> LatentDensity {
        let joint = zip(prior, parts).map { log($0) + $1.logProb }
        // logarithms differ where probabilities round to the same
        let best = joint.indices.max { joint[$0] < joint[$1] }!
        var mixture = parts[best]
        mixture.logProb = logSumExp(joint)
        return mixture
    }
}

extension RowDensity {
    /// The density of a row, with its evidence if it wants that; of a mixture with its `parts`.
    fileprivate init(
        of row: DensityRow, _ density: LatentDensity, parts: [LatentDensity] = [], _ record: ModelRecord
    ) {
        self.init(logProb: density.logProb, classLogProbs: parts.map(\.logProb))
        guard row.wantsEvidence else { return }
        let image = Evidence.ImageFacts(pixels: row.pixels, record: record)
        evidence = Evidence.values(.init(image: image, density: density))
        classEvidence = parts.map { Evidence.values(.init(image: image, density: $0)) }
    }
}

/// Results of the parts of a computation, each set by its thread.
private final class PartialResults: Sendable {
    private let results: Mutex<[Result<[LatentDensity], any Error>]>

    init(_ parts: Int) { results = Mutex(Array(repeating: .success([]), count: parts)) }

    func set(_ part: Int, _ result: Result<[LatentDensity], any Error>) { results.withLock { $0[part] = result } }

    /// Returns the values of all parts, in order.
    /// - Throws: the error of the first part that failed.
    func joined() throws -> [LatentDensity] { try results.withLock { try $0.flatMap { try $0.get() } } }
}
