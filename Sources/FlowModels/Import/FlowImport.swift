import FlowCore
import FlowKernels
import Glibc

/// Makes a model of a flow that another library trained: an ordinary model file of one of our architectures, with the library's own density.
public enum FlowImport {
    /// Fewest rows of a check vector: fewer might be met by accident.
    public static let leastCheckRows = 4

    /// A model that meets its check vector.
    public struct Result: Sendable {
        public var model: DensityModel
        /// Number of rows that were compared.
        public var rows: Int
        /// Largest difference of a log-density from the library's, as a fraction of `max(D, |log p|)`; see ``FlowImport/tolerance``.
        public var largestDifference: Double
    }

    /// How far our log-density may be from the library's, as a fraction of `max(D, |log p|)`, of `D` dimensions: room for single precision and
    /// for nothing else.
    public static let tolerance = 1e-4

    /// Imports a flow and proves it.
    ///
    /// - Parameters:
    ///   - checkpoint: bytes of a safetensors file with the library's state dict, its buffers among it.
    ///   - check: bytes of a safetensors file with `x`, `[n, D]`, rows as the library's flow takes them, and `log_prob`, `[n]`, what it says of
    ///     them, nats; `mean` and `std`, `[D]`, where the flow was trained on `(w − mean)/std` of the logits `w`.
    /// - Throws: ``FlowImportError``.
    public static func model(
        checkpoint: RawSpan, check: RawSpan, options: FlowImportOptions
    ) throws -> Result {
        guard let dialect = FlowDialects.all.first(where: { $0.name == options.dialect }) else {
            throw FlowImportError.badOption(
                name: "dialect",
                reason: "is \(options.dialect); it must be \(FlowDialects.names.joined(separator: ", "))")
        }
        for need in [FlowImportOptions.Need.slope, .tailBound] {
            let isGiven = need == .slope ? options.slope != nil : options.tailBound != nil
            guard isGiven == dialect.needs.contains(need) else {
                throw FlowImportError.badOption(
                    name: need.rawValue,
                    reason: isGiven ? "is none of \(dialect.name)" : "is needed by \(dialect.name): no file says it")
            }
        }
        guard (2...ModelFile.Limit.dims).contains(options.shape.dims) else {
            throw FlowImportError.badOption(
                name: "shape", reason: "has \(options.shape.dims) numbers; it must have 2 to \(ModelFile.Limit.dims)")
        }
        var tensors = StateDict(try decoded(checkpoint, "checkpoint"))
        let foreign = try dialect.flow(of: &tensors, options)
        guard tensors.rest.isEmpty else { throw FlowImportError.unknownKeys(tensors.rest) }
        let check = try CheckRows(decoded(check, "check vector"), dims: options.shape.dims)
        guard let architecture = FlowRegistry.architecture(named: foreign.architecture) else {
            preconditionFailure("a dialect of an architecture that is not there")
        }
        do {
            return try result(architecture, foreign, held: tensors.count, check, options)
        } catch let error as FlowError {
            throw FlowImportError.flow(error)
        }
    }

    private static func decoded(_ bytes: RawSpan, _ file: String) throws -> [String: Safetensors.Tensor] {
        do {
            return try Safetensors.decode(bytes, readsBuffers: true).tensors
        } catch let error as SafetensorsError {
            throw FlowImportError.format(file: file, error)
        }
    }

    private static func result<Flow: FlowArchitecture>(
        _: Flow.Type, _ foreign: ForeignFlow, held: Int, _ check: CheckRows, _ options: FlowImportOptions
    ) throws -> Result {
        let sizes = try Flow.defaultSizes.overridden(by: foreign.sizes).resolved(by: Flow.fields)
        // sorted by degree, few units that all know little would become a network of any size
        let limit = ModelFile.elementLimit(parameters: held)
        guard let elements = Flow.elementCount(shape: options.shape, sizes: sizes), elements <= limit else {
            throw FlowImportError.tooLarge(held: held, limit: limit)
        }
        let arrays = foreign.arrays()
        var flow = try Flow(shape: options.shape, sizes: sizes, seed: nil)
        var filled = 0
        flow.visitParameters { info, values in
            // what a checkpoint has no tensor for is the standardisation, at the identity
            if let own = arrays[info.name] {
                precondition(own.count == values.count, "\(info.name) of a dialect has another size")
                values = own
                filled += 1
            }
        }
        precondition(filled == arrays.count, "a dialect has arrays that the flow has not")
        precondition(flow.holdsStructuralZeros, "a dialect's weights reach beyond our masks")
        let difference = try check.verify(flow)
        if let standardisation = check.standardisation {
            flow.visitParameters { info, values in
                if info.name == "standardize.shift" { values = standardisation.mean.map { -$0 } }
                if info.name == "standardize.log_scale" { values = standardisation.deviation.map { -log($0) } }
            }
        }
        var record = ModelRecord(
            name: options.name, architecture: foreign.architecture, sizes: sizes, eventShape: options.shape,
            levels: options.levels,
            dequantization: ModelRecord.dequantization(nil), logitAlpha: options.logitAlpha, classes: [],
            parameterCount: Flow.parameterCount(shape: options.shape, sizes: sizes) ?? 0,
            check: CheckVector(pixels: [UInt8](repeating: 0, count: options.shape.dims), logProb: 0))
        let model = try DensityModel(flow: flow, record: record)
        record.check.pixels = try model.sample([SampleRow(seed: 0, index: 0)], isCancelled: { false })[0].pixels
        record.check.logProb = try model.densities(
            of: [DensityRow(pixels: record.check.pixels)], isCancelled: { false })[0].logProb
        return Result(
            model: try DensityModel(flow: flow, record: record), rows: check.logProbs.count,
            largestDifference: difference)
    }
}

/// A check vector: what the library says of some rows.
private struct CheckRows {
    /// Rows as the flow takes them, `[n, D]`.
    let rows: Matrix
    /// Log-density of each row by the library, nats.
    let logProbs: [Double]
    /// Mean and standard deviation, `[D]`, by which the logits are standardised before the flow; nil for none.
    let standardisation: (mean: [Float], deviation: [Float])?

    init(_ tensors: [String: Safetensors.Tensor], dims: Int) throws {
        var tensors = StateDict(tensors)
        let x = try tensors.take("x", shape: [-1, dims])
        let count = x.shape[0]
        logProbs = try tensors.take("log_prob", shape: [count]).values.map(Double.init)
        rows = Matrix(rows: count, columns: dims, elements: x.values)
        if tensors.has("mean") || tensors.has("std") {
            let deviation = try tensors.take("std", shape: [dims]).values
            guard deviation.allSatisfy({ $0 > 0 }) else {
                throw FlowImportError.badCheck(reason: "has a std that is not above 0")
            }
            standardisation = (try tensors.take("mean", shape: [dims]).values, deviation)
        } else {
            standardisation = nil
        }
        guard tensors.rest.isEmpty else {
            throw FlowImportError.badCheck(reason: "has \"\(tensors.rest[0])\"; it has x, log_prob, mean and std")
        }
        guard count >= FlowImport.leastCheckRows, Set(logProbs).count >= FlowImport.leastCheckRows else {
            throw FlowImportError.badCheck(
                reason:
                    "has \(Set(logProbs).count) different log-densities; it must have \(FlowImport.leastCheckRows) or more"
            )
        }
    }

    /// Compares what `flow` says of the rows with what the library said.
    /// - Returns: the largest difference, as a fraction of `max(D, |log p|)`.
    /// - Throws: ``FlowImportError/checkFailed(row:expected:actual:tolerance:)``.
    func verify(_ flow: some Bijection) throws -> Double {
        let (z, logDet) = try flow.forward(rows)
        let base = standardNormalLogDensity(z)
        var largest = 0.0
        for (row, expected) in logProbs.enumerated() {
            let actual = base[row] + Double(logDet[row])
            let scale = max(Double(rows.columns), abs(expected))
            // written so that NaN fails
            guard abs(actual - expected) <= FlowImport.tolerance * scale else {
                throw FlowImportError.checkFailed(
                    row: row, expected: expected, actual: actual, tolerance: FlowImport.tolerance * scale)
            }
            largest = max(largest, abs(actual - expected) / scale)
        }
        return largest
    }
}
