public import FlowCore
public import FlowModels
import Dispatch
import Glibc
import Synchronization

/// A density that is quick to compute by hand: `log p = −(sum of levels) − draw/2` nats, and samples whose every level
/// is a function of seed and index.
///
/// When conditional, every class is as likely, and `log p(y | c)` is a nat times `c` lower. One that infers the class has half a nat
/// less without one.
///
/// Images whose first level is ``poison`` make the whole call throw, those with ``void`` have no finite density.
public final class FakeDensity: ImageDensity {
    public static let poison: UInt8 = 250
    public static let void: UInt8 = 251

    public let record: ModelRecord
    public let precision: WeightPrecision
    public let memoryBytes: Int
    public let densityOrder: ExecutionOrder
    public let samplingOrder: ExecutionOrder
    /// Every sample but that of seed 0, which the self-test draws, makes its call throw.
    private let failsSampling: Bool
    private let inverseError: Float
    private let state = Mutex(State())
    private let gate = DispatchSemaphore(value: 0)

    private struct State {
        var densityCalls: [Int] = []
        var samplingCalls: [[SampleRow]] = []
        /// Sampling calls that are let through; nil lets all through.
        var freeSamplingCalls: Int?
        var isHeld = false

        var holds: Bool { isHeld || freeSamplingCalls.map { samplingCalls.count > $0 } ?? false }
        var cancelled = 0
    }

    public init(
        name: String = "fake", shape: EventShape = EventShape(height: 2, width: 3, channels: 1), levels: Int = 256,
        classes: [String] = ["elephant"], calibration: [Double]? = nil, decision: DecisionRecord? = nil,
        checkOffset: Double = 0,
        densityOrder: ExecutionOrder = .parallel, samplingOrder: ExecutionOrder = .sequential,
        failsSampling: Bool = false, inverseError: Float = 0, isConditional: Bool = false, infersClass: Bool = false,
        dequantizer: Sizes? = nil,
        precision: WeightPrecision = .f32, memoryBytes: Int = 492, start: StartingRecord? = nil
    ) {
        self.memoryBytes = memoryBytes
        self.precision = precision
        self.failsSampling = failsSampling
        self.inverseError = inverseError
        let pixels = (0..<shape.dims).map { UInt8($0 % min(levels, 200)) }
        record = ModelRecord(
            name: name, architecture: "maf",
            sizes: ([
                "layers": 2, "hidden": [8], "log_scale_bound": 3,
                "classes": .integer(isConditional ? classes.count : 0),
            ] as Sizes).overridden(
                by: infersClass
                    ? ["belief": [16], "predictor": 5, "scale_function": "softplus", "order": "rising"] : [:]),
            eventShape: shape, levels: levels, dequantization: ModelRecord.dequantization(dequantizer),
            dequantizer: dequantizer, logitAlpha: 1e-5, classes: classes,
            classPrior: isConditional ? classes.map { _ in 1 / Double(classes.count) } : nil, parameterCount: 123,
            training: TrainingRecord(
                dataHash: String(repeating: "0", count: 64), split: "train", images: 10, skippedImages: 2,
                horizontalFlips: true,
                seed: 1, epochs: 3, bestEpoch: 2, batch: 4, wallSeconds: 0.5, start: start,
                curve: [
                    TrainingCurvePoint(seconds: 0.25, epochs: 1, trainBitsPerDim: 3, validationBitsPerDim: 3.5)
                ]),
            heldOut: HeldOutRecord(split: "validation", count: 5, bitsPerDim: 2.5, bitsPerDimStandardError: 0.1),
            calibration: calibration.map { Calibration(split: "validation", count: 5, logProbQuantiles: $0) },
            decision: decision,
            evaluation: EvaluationRecord(
                split: "test", count: 4, bitsPerDim: 2.75, bitsPerDimStandardError: 0.2,
                flagged: [EvaluationRecord.Flagged(alarm: 0.5, fraction: 0.25)],
                outliers: [EvaluationRecord.Outliers(name: "noise", count: 4, areaUnderROC: 0.75, caught: 0.5)]),
            check: CheckVector(
                pixels: pixels,
                logProb: Self.logDensity(pixels) + checkOffset
                    + (infersClass ? -0.5 : isConditional ? Self.mixtureOffset(classes: classes.count) : 0)))
        self.densityOrder = densityOrder
        self.samplingOrder = samplingOrder
    }

    /// Rows of each density call so far.
    public var densityCalls: [Int] { state.withLock(\.densityCalls) }
    /// Each sampling call so far.
    public var samplingCalls: [[SampleRow]] { state.withLock(\.samplingCalls) }
    /// Calls that saw that nobody wants their result.
    public var cancelledCalls: Int { state.withLock(\.cancelled) }

    public static func logDensity(_ pixels: [UInt8], draw: UInt32 = 0) -> Double {
        -Double(pixels.reduce(0) { $0 + Int($1) }) - Double(draw) / 2
    }

    /// `log Σ e⁻ᶜ / n`: how far the mixture's log-density is from that of class 0.
    public static func mixtureOffset(classes: Int) -> Double {
        logSumExp((0..<classes).map { -Double($0) - log(Double(classes)) })
    }

    /// Every call from now on waits for ``release()``, or until it is cancelled.
    public func hold() { state.withLock { $0.isHeld = true } }

    /// Sampling calls after the first `count` wait for ``release()``, or until they are cancelled.
    public func hold(afterSamplingCalls count: Int) { state.withLock { $0.freeSamplingCalls = count } }

    public func release() {
        state.withLock { state in
            state.isHeld = false
            state.freeSamplingCalls = nil
        }
    }

    private func waitWhileHeld(_ isCancelled: () -> Bool) throws {
        while state.withLock(\.holds) {
            if isCancelled() {
                state.withLock { $0.cancelled += 1 }
                throw FlowError.cancelled
            }
            _ = gate.wait(timeout: .now() + .milliseconds(1))
        }
    }

    public func logDensities(
        of rows: [DensityRow], to results: inout MutableSpan<LatentDensity>, isCancelled: @Sendable () -> Bool
    ) throws {
        state.withLock { $0.densityCalls.append(rows.count) }
        try waitWhileHeld(isCancelled)
        if let row = rows.firstIndex(where: { $0.pixels.first == Self.poison }) {
            throw FlowError.notFinite(argument: "pixels", row: row)
        }
        for (r, row) in rows.enumerated() {
            let value =
                Self.logDensity(row.pixels, draw: row.draw)
                - (row.classIndex.map(Double.init) ?? (record.infersClass ? 0.5 : 0))
            results[r] = LatentDensity(logProb: row.pixels.first == Self.void ? .nan : value)
        }
    }

    public var pixelMapKind: PixelMap.Kind { .conditional }

    /// Minus each pixel's level; nothing waits.
    public func pixelMaps(of rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [PixelMap] {
        rows.map { PixelMap(kind: .conditional, values: $0.pixels.map { -Double($0) }) }
    }

    public func sample(_ rows: [SampleRow], isCancelled: @Sendable () -> Bool) throws -> [DrawnImage] {
        state.withLock { $0.samplingCalls.append(rows) }
        try waitWhileHeld(isCancelled)
        if failsSampling, rows.contains(where: { $0.seed != 0 }) {
            throw FlowError.notFinite(argument: "z", row: 0)
        }
        return rows.map { row in
            var stream = RandomStream(seed: row.seed, stream: row.index)
            let pixels = (0..<record.eventShape.dims).map { _ in
                UInt8.random(in: 0..<UInt8(min(record.levels, 200)), using: &stream)
            }
            let classIndex = record.isConditional ? row.classIndex ?? 0 : nil
            return DrawnImage(pixels: pixels, logDensity: Self.logDensity(pixels), classIndex: classIndex)
        }
    }
}

extension FakeDensity {
    /// Draws the whole image of seed 0, in no time that counts.
    public func testInverse(pixels: Int, isCancelled: @Sendable () -> Bool) throws -> InverseTest {
        _ = try sample([SampleRow(seed: 0, index: 0)], isCancelled: isCancelled)
        return InverseTest(error: inverseError, fraction: 0.5, time: .microseconds(1))
    }
}

/// Latents are the levels themselves, as numbers; an image is a latent's levels, rounded down, and is not finite where the first
/// number is above 255.
extension FakeDensity {
    public func encode(_ rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [EncodedLatent] {
        var results = [LatentDensity](repeating: LatentDensity(), count: rows.count)
        var span = results.mutableSpan
        try logDensities(of: rows, to: &span, isCancelled: isCancelled)
        return zip(rows, results).map { row, density in
            EncodedLatent(
                latent: row.pixels.map(Float.init), logProb: density.logProb,
                roundTripError: .init(levels: 0, input: 0.25))
        }
    }

    public func decode(_ rows: [LatentRow], isCancelled: @Sendable () -> Bool) throws -> [DecodedLatent?] {
        try waitWhileHeld(isCancelled)
        if let row = rows.firstIndex(where: { $0.latent.first == Float(Self.poison) }) {
            throw FlowError.notFinite(argument: "latents", row: row)
        }
        return rows.map { row in
            guard row.latent[0] <= 255 else { return nil }
            let pixels = row.latent.map { UInt8(min(max($0, 0), Float(record.levels - 1))) }
            return DecodedLatent(
                image: DrawnImage(
                    pixels: pixels, logDensity: Self.logDensity(pixels), classIndex: row.classIndex),
                roundTripError: 0.125, states: row.wantsStates ? [pixels.map { _ in 0 }, pixels] : [])
        }
    }

    /// Exact where what is known is a beginning of the image; else by particles, and by a chain of images whose first level is 9.
    public func completionMethod(of row: CompletionRow) -> CompletionMethod {
        if row.isKnown[0], row.pixels[0] == 9 { return .chain }
        let prefix = row.isKnown.prefix { $0 }.count
        return row.isKnown[prefix...].contains(true) ? .particles : .conditional
    }

    /// What is unknown gets the level of the index, one more for each temperature.
    public func complete(_ rows: [CompletionRow], isCancelled: @Sendable () -> Bool) throws -> [CompletedImage?] {
        try waitWhileHeld(isCancelled)
        return try rows.map { row in
            guard row.pixels[0] != Self.poison else { throw FlowError.notFinite(argument: "pixels", row: 0) }
            guard row.pixels[0] != Self.void else { return nil }
            let channels = record.eventShape.channels
            let pixels = row.pixels.indices.map { row.isKnown[$0 / channels] ? row.pixels[$0] : UInt8(row.index) }
            let method = completionMethod(of: row)
            return CompletedImage(
                image: DrawnImage(
                    pixels: pixels, logDensity: Self.logDensity(pixels),
                    classIndex: record.isConditional ? row.classIndex ?? 0 : nil),
                roundTripError: 0.5, effectiveSampleSize: method == .particles ? Double(row.particles) / 2 : nil,
                ancestors: method == .particles ? 2 : nil,
                acceptance: method == .chain ? 0.25 : nil)
        }
    }
}
