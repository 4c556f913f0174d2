public import FlowCore

/// One evaluation of an image's density: the image and which of its dequantization draws to use.
public struct DensityRow: Sendable, Equatable {
    /// Levels `0 ..< levels`, row-major `[height, width, channels]`.
    public var pixels: [UInt8]
    /// Draw `0 ..< K` of the image's own noise stream. The same image and draw always get the same noise.
    public var draw: UInt32

    public init(pixels: [UInt8], draw: UInt32 = 0) {
        self.pixels = pixels
        self.draw = draw
    }
}

/// One image to draw. The same values give the same bytes, whatever else is drawn with it.
public struct SampleRow: Sendable, Equatable {
    public var seed: UInt64
    /// Number of this sample within its seed.
    public var index: UInt64
    /// Standard deviation of the latent; 1 draws from the learned density.
    public var temperature: Float

    public init(seed: UInt64, index: UInt64, temperature: Float = 1) {
        self.seed = seed
        self.index = index
        self.temperature = temperature
    }
}

/// An image drawn from the density.
public struct DrawnImage: Sendable, Equatable {
    /// Levels `0 ..< levels`, row-major `[height, width, channels]`.
    public var pixels: [UInt8]
    /// `log p(y)` of the drawn point `y` in `[0, 1)^D`, before it was rounded down to levels; nats.
    public var logDensity: Double

    public init(pixels: [UInt8], logDensity: Double) {
        self.pixels = pixels
        self.logDensity = logDensity
    }
}

/// What the service needs of a model: a record, two directions, and how each is ordered.
public protocol ImageDensity: Sendable {
    var record: ModelRecord { get }
    /// Order of data → latent.
    var densityOrder: ExecutionOrder { get }
    /// Order of latent → data.
    var samplingOrder: ExecutionOrder { get }

    /// Sets `logDensities`, one value a row, to `log p(y)` in nats, `y = (x + u)/levels` in `[0, 1)^D`; not finite only
    /// where the flow itself is not. The bits of a row do not depend on the other rows.
    /// - Throws: ``FlowError`` when a row is not `D` wide or holds a value outside `0 ..< levels`, or when
    ///   `isCancelled` turned true between blocks.
    func logDensities(
        of rows: [DensityRow], to logDensities: inout MutableSpan<Double>, isCancelled: @Sendable () -> Bool
    ) throws

    /// One image per row. The bits of a row do not depend on the other rows.
    /// - Throws: ``FlowError/cancelled`` when `isCancelled` turned true between blocks.
    func sample(_ rows: [SampleRow], isCancelled: @Sendable () -> Bool) throws -> [DrawnImage]
}

extension ImageDensity {
    /// ``logDensities(of:to:isCancelled:)`` as an array.
    public func logDensities(of rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [Double] {
        var values = [Double](repeating: 0, count: rows.count)
        var span = values.mutableSpan
        try logDensities(of: rows, to: &span, isCancelled: isCancelled)
        return values
    }
}
