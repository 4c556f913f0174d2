public import FlowCore

/// A trained flow with its record: what the service and the command line ask.
public struct DensityModel: ImageDensity {
    /// Trained flow; nil of a model ``forService()`` that needs none.
    private(set) var trained: (any FlowArchitecture)?
    /// Trained dequantizer of variational dequantization; nil for uniform noise.
    public let dequantizer: Dequantizer?
    public private(set) var record: ModelRecord
    public let precision: WeightPrecision
    private let engine: DensityEngine

    /// Map between an image's levels and the flow's input.
    public var preprocessing: Preprocessing { engine.preprocessing }
    public let densityOrder: ExecutionOrder
    public let samplingOrder: ExecutionOrder

    /// Trained flow, its weights in single precision.
    /// - Precondition: the model is not one ``forService()``.
    public var flow: any FlowArchitecture {
        guard let trained else { preconditionFailure("the flow of a model that only answers") }
        return trained
    }

    /// Makes a model of a trained flow, its dequantizer and its record.
    ///
    /// - Parameters:
    ///   - dequantizer: dequantizer of the record's sizes; nil for uniform noise.
    ///   - precision: precision of the weights that answers are computed with; ``flow`` stays as it is.
    ///   - executor: makes the executor of a flow with such weights; by default the CPU's.
    /// - Throws: ``FlowError`` when the record's sizes are not the flow's, or its preprocessing makes no sense.
    public init(
        flow: any FlowArchitecture, dequantizer: Dequantizer? = nil, record: ModelRecord,
        precision: WeightPrecision = .f32,
        executor: (any Bijection, WeightPrecision) throws -> any FlowExecutor = { FlowEngine($0, precision: $1) }
    ) throws {
        guard flow.dims == record.eventShape.dims else {
            throw FlowError.widthMismatch(argument: "event_shape", expected: flow.dims, actual: record.eventShape.dims)
        }
        guard flow.contextDims == record.classPrior?.count ?? 0 else {
            throw FlowError.widthMismatch(
                argument: "class_prior", expected: flow.contextDims, actual: record.classPrior?.count ?? 0)
        }
        guard try dequantizer?.sizes == record.dequantizer?.resolved(by: Dequantizer.fields) else {
            throw FlowError.outOfRange(
                argument: "dequantizer", value: "\(record.dequantization)",
                allowed: ModelRecord.dequantization(dequantizer?.sizes))
        }
        if let dequantizer, dequantizer.map.dims != flow.dims {
            throw FlowError.widthMismatch(argument: "dequantizer", expected: flow.dims, actual: dequantizer.map.dims)
        }
        trained = flow
        densityOrder = flow.forwardOrder
        samplingOrder = flow.inverseOrder
        self.dequantizer = dequantizer
        self.record = record
        self.precision = precision
        engine = DensityEngine(
            try executor(flow, precision), dequantizer: try dequantizer.map { try executor($0.map, precision) },
            try Preprocessing(levels: record.levels, logitAlpha: record.logitAlpha), name: record.name,
            shape: record.eventShape, prior: record.classPrior ?? [])
    }

    /// The same model with another background model, by which it computes evidence; its decision is left out.
    public func with(background: BackgroundModel?) -> DensityModel {
        var model = self
        model.record.background = background
        model.record.decision = nil
        model.record.evaluation = nil
        return model
    }

    /// The same model for a service, which asks it and no more: without the trained flow, whose weights stand packed beside it,
    /// unless an answer needs it, as the gradients of ``pixelMaps(of:isCancelled:)`` do.
    public func forService() -> DensityModel {
        guard pixelMapKind == .conditional else { return self }
        var model = self
        model.trained = nil
        return model
    }

    /// Computes log-densities; after the first calls nothing is allocated.
    public func logDensities(
        of rows: [DensityRow], to results: inout MutableSpan<LatentDensity>, isCancelled: @Sendable () -> Bool
    ) throws {
        try engine.logDensities(of: rows, to: &results, isCancelled: isCancelled)
    }

    /// Bytes of the weights in all the forms in which they are kept, beyond one of each number.
    var formBytes: Int { engine.flow.formBytes + (engine.dequantizer?.formBytes ?? 0) }

    public var pixelMapKind: PixelMap.Kind { engine.givesTerms ? .conditional : .gradient }

    public func pixelMaps(of rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [PixelMap] {
        switch pixelMapKind {
        case .conditional: try engine.conditionalMaps(of: rows, isCancelled: isCancelled)
        case .gradient: try engine.gradientMaps(of: rows, through: flow, isCancelled: isCancelled)
        }
    }

    public func sample(_ rows: [SampleRow], isCancelled: @Sendable () -> Bool) throws -> [DrawnImage] {
        try engine.sample(rows, isCancelled: isCancelled)
    }

    public func testInverse(pixels: Int, isCancelled: @Sendable () -> Bool) throws -> InverseTest {
        try engine.testInverse(pixels: pixels, isCancelled: isCancelled)
    }

    public func encode(_ rows: [DensityRow], isCancelled: @Sendable () -> Bool) throws -> [EncodedLatent] {
        try engine.encode(rows, isCancelled: isCancelled)
    }

    public func decode(_ rows: [LatentRow], isCancelled: @Sendable () -> Bool) throws -> [DecodedLatent?] {
        try engine.decode(rows, isCancelled: isCancelled)
    }

    public func completionMethod(of row: CompletionRow) -> CompletionMethod { engine.completionMethod(of: row) }

    public func complete(_ rows: [CompletionRow], isCancelled: @Sendable () -> Bool) throws -> [CompletedImage?] {
        try engine.complete(rows, isCancelled: isCancelled)
    }
}
