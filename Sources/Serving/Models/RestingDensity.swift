import FlowCore
import FlowModels

/// What is known of a density whose weights rest: all but what it computes.
struct RestingDensity: ImageDensity {
    let record: ModelRecord
    let precision: WeightPrecision
    let memoryBytes = 0
    let densityOrder: ExecutionOrder
    let samplingOrder: ExecutionOrder
    let pixelMapKind: PixelMap.Kind

    /// Whoever computes holds the weights (``LoadedModel``); rows that nobody waits for any more can still come too late.
    struct Rests: Error {}

    init(_ density: any ImageDensity) {
        record = density.record
        precision = density.precision
        densityOrder = density.densityOrder
        samplingOrder = density.samplingOrder
        pixelMapKind = density.pixelMapKind
    }

    func logDensities(
        of _: [DensityRow], to _: inout MutableSpan<LatentDensity>, isCancelled _: @Sendable () -> Bool
    ) throws { throw Rests() }
    func pixelMaps(of _: [DensityRow], isCancelled _: @Sendable () -> Bool) throws -> [PixelMap] { throw Rests() }
    func sample(_: [SampleRow], isCancelled _: @Sendable () -> Bool) throws -> [DrawnImage] { throw Rests() }
    func testInverse(pixels _: Int, isCancelled _: @Sendable () -> Bool) throws -> InverseTest { throw Rests() }
    func encode(_: [DensityRow], isCancelled _: @Sendable () -> Bool) throws -> [EncodedLatent] { throw Rests() }
    func decode(_: [LatentRow], isCancelled _: @Sendable () -> Bool) throws -> [DecodedLatent?] { throw Rests() }
    func complete(_: [CompletionRow], isCancelled _: @Sendable () -> Bool) throws -> [CompletedImage?] { throw Rests() }
    func completionMethod(of _: CompletionRow) -> CompletionMethod {
        preconditionFailure("the weights say by which method they complete an image")
    }
}
