public import FlowCore
import Glibc
import Synchronization
import System

/// One evaluation of an image's density: the image and which of its dequantization draws to use.
public struct DensityRow: Sendable, Equatable {
    /// Levels `0 ..< levels`, row-major `[height, width, channels]`.
    public var pixels: [UInt8]
    /// Draw `0 ..< K` of the image's own noise stream. The same image and draw always get the same noise.
    public var draw: UInt32
    /// The class that a class-conditional density is conditioned on, an index into the record's classes; nil: the mixture.
    public var classIndex: Int?

    public init(pixels: [UInt8], draw: UInt32 = 0, classIndex: Int? = nil) {
        self.pixels = pixels
        self.draw = draw
        self.classIndex = classIndex
    }
}

/// One image to draw. The same values give the same bytes, whatever else is drawn with it.
public struct SampleRow: Sendable, Equatable {
    public var seed: UInt64
    /// Number of this sample within its seed, below ``indexLimit``.
    public var index: UInt64
    /// Standard deviation of the latent; 1 draws from the learned density.
    public var temperature: Float
    /// The class to draw of a class-conditional density; nil: drawn first, by the record's shares.
    public var classIndex: Int?

    /// Above are the streams of latents that are drawn anew, and of classes.
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
    /// The class of a class-conditional density that it was drawn from.
    public var classIndex: Int?

    public init(pixels: [UInt8], logDensity: Double, classIndex: Int? = nil) {
        self.pixels = pixels
        self.logDensity = logDensity
        self.classIndex = classIndex
    }
}

/// What the service needs of a model: a record, two directions, and how each is ordered.
public protocol ImageDensity: Sendable {
    var record: ModelRecord { get }
    /// Of its weights: with others densities and samples differ slightly.
    var precision: WeightPrecision { get }
    /// Order of data → latent.
    var densityOrder: ExecutionOrder { get }
    /// Order of latent → data.
    var samplingOrder: ExecutionOrder { get }

    /// Sets `logDensities`, one value a row, to `log p(y)` in nats, or of a class-conditional density to `log p(y | class)`;
    /// `y = (x + u)/levels` in `[0, 1)^D`; not finite only where the flow itself is not. The bits of a row do not depend on
    /// the other rows.
    /// - Throws: ``FlowError`` when a row is not `D` wide, holds a value outside `0 ..< levels`, lacks a class that it
    ///   needs or has one that there is not, or when `isCancelled` turned true between blocks.
    func logDensities(
        of rows: [DensityRow], to logDensities: inout MutableSpan<Double>, isCancelled: @Sendable () -> Bool
    ) throws

    /// One image per row. The bits of a row do not depend on the other rows. A latent whose image is not finite is replaced by
    /// the next of eight others of the same seed and index.
    /// - Throws: ``FlowError/notFinite(argument:row:)`` when none of them has one; ``FlowError/cancelled`` when `isCancelled` turned true between blocks.
    func sample(_ rows: [SampleRow], isCancelled: @Sendable () -> Bool) throws -> [DrawnImage]
}

/// What is known of one row.
public struct RowDensity: Sendable, Equatable {
    /// `log p(y)`, or `log p(y | class)` of a row with a class; nats.
    public var logProb: Double
    /// `log p(y | class)` of every class, of a class-conditional density and a row without a class; else empty.
    public var classLogProbs: [Double]

    public init(logProb: Double, classLogProbs: [Double] = []) {
        self.logProb = logProb
        self.classLogProbs = classLogProbs
    }

    /// Whether ``logProb`` is a number; of a mixture, whether every part is.
    public var isFinite: Bool { logProb.isFinite && classLogProbs.allSatisfy(\.isFinite) }
}

/// Threads that may take over parts of a computation.
public protocol IdleThreads: Sendable {
    /// Threads that could compute now, the caller's among them: 1 or more.
    var available: Int { get }
    /// Runs `body` once for each of `0 ..< parts`, on the caller's thread and those that are idle, and returns when all have run.
    func run(parts: Int, _ body: @escaping @Sendable (Int) -> Void)
}

extension ImageDensity {
    /// Log-densities of rows with a class or without: of a class-conditional density, without one, the mixture's
    /// `log p(y) = log Σ π_c p(y | c)` with its parts, which costs as much as that many rows and is shared among `threads`.
    /// - Throws: what ``logDensities(of:to:isCancelled:)`` throws.
    public func densities(
        of rows: [DensityRow], threads: (any IdleThreads)? = nil, isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [RowDensity] {
        guard let prior = record.classPrior, rows.contains(where: { $0.classIndex == nil }) else {
            return try logDensities(of: rows, isCancelled: isCancelled).map { RowDensity(logProb: $0) }
        }
        let asked = rows.flatMap { row in
            row.classIndex != nil
                ? [row]
                : prior.indices.map { DensityRow(pixels: row.pixels, draw: row.draw, classIndex: $0) }
        }
        var values = try logDensities(of: asked, threads: threads, isCancelled: isCancelled)[...]
        return rows.map { row in
            if row.classIndex != nil { return RowDensity(logProb: values.removeFirst()) }
            let parts = Array(values.prefix(prior.count))
            values = values.dropFirst(prior.count)
            return RowDensity(
                logProb: logSumExp(zip(prior, parts).map { log($0) + $1 }), classLogProbs: parts)
        }
    }

    /// ``logDensities(of:isCancelled:)`` with at least two rows for each of the threads, which read a flow's weights together.
    private func logDensities(
        of rows: [DensityRow], threads: (any IdleThreads)?, isCancelled: @escaping @Sendable () -> Bool
    ) throws -> [Double] {
        let parts = min(threads?.available ?? 1, rows.count / 2)
        guard let threads, parts > 1 else { return try logDensities(of: rows, isCancelled: isCancelled) }
        let ranges = rows.count.divided(into: parts)
        let results = PartialResults(parts)
        threads.run(parts: parts) { part in
            results.set(part, Result { try self.logDensities(of: Array(rows[ranges[part]]), isCancelled: isCancelled) })
        }
        return try results.joined()
    }

    /// ``logDensities(of:to:isCancelled:)`` as an array.
    public func logDensities(of rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [Double] {
        var values = [Double](repeating: 0, count: rows.count)
        var span = values.mutableSpan
        try logDensities(of: rows, to: &span, isCancelled: isCancelled)
        return values
    }
}

/// What came of the parts of a computation.
private final class PartialResults: Sendable {
    private let results: Mutex<[Result<[Double], any Error>]>

    init(_ parts: Int) { results = Mutex(Array(repeating: .success([]), count: parts)) }

    func set(_ part: Int, _ result: Result<[Double], any Error>) { results.withLock { $0[part] = result } }

    /// - Throws: the error of the first part that failed.
    func joined() throws -> [Double] { try results.withLock { try $0.flatMap { try $0.get() } } }
}
